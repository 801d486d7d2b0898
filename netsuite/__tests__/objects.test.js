/** The objects that are deployed and the script fit together; NetSuite itself would only say so on deployment. */
const { readdirSync, readFileSync } = require('node:fs');
const path = require('node:path');
const restlet = require('SuiteScripts/dunwell/dunwell_restlet');
const { MAIL } = require('../testing/account');
const opened = require('../testing/opened');

const here = opened();
const SOURCE = path.join(__dirname, '..', 'src');
const read = (...parts) => readFileSync(path.join(SOURCE, ...parts), 'utf8');
const all = (text, pattern) => [...text.matchAll(pattern)].map(([, found]) => found);

test('the fields of the record are those the script writes', () => {
    const defined = all(read('Objects', 'customrecord_dunwell_send.xml'), /scriptid="(custrecord_\w+)"/g);
    restlet.post(MAIL);

    const columns = Object.keys(here.account.sends()[0]).filter((name) => name.startsWith('custrecord_'));
    expect(columns).toEqual(defined);
});

test('everything that is there is deployed', () => {
    const listed = all(read('deploy.xml'), /<path>~\/Objects\/(\S+?)<\/path>/g);

    expect(listed.sort()).toEqual(readdirSync(path.join(SOURCE, 'Objects')).sort());
});

test('the script file that is deployed exists and every module says its version', () => {
    const [file] = all(read('Objects', 'customscript_dunwell_restlet.xml'), /<scriptfile>\[(\S+)\]<\/scriptfile>/g);
    const modules = readdirSync(path.join(SOURCE, 'FileCabinet', 'SuiteScripts', 'dunwell'));

    expect(`/SuiteScripts/dunwell/${modules.find((name) => name === 'dunwell_restlet.js')}`).toBe(file);
    modules.forEach((name) => {
        expect(read('FileCabinet', 'SuiteScripts', 'dunwell', name)).toMatch(/^\/\*\*[^]*?@NApiVersion 2\.1\n/);
    });
});

/** What the connector is tested with is what the script says: tests/connectors/test_netsuite_script_contract.py. */
const restlet = require('SuiteScripts/dunwell/dunwell_restlet');
const answers = require('../answers.json');
const { MAIL } = require('../testing/account');
const opened = require('../testing/opened');

const here = opened();
const sent = () => restlet.post(MAIL);
const sentLate = () => {
    here.account.rowsLate = true;
    return sent();
};

/** What has happened in the account before each call. */
const STORY = {
    contacts: () => here.account.contact(302, 107, {
        firstname: 'Lee',
        title: 'AP clerk',
        categories: [['1', 'Events'], ['2', 'Accounts Payable']],
        isinactive: true,
        isprivate: true,
    }),
    'no contacts': () => here.account.contacts.splice(0),
    'too many contacts': () => here.account.contacts.push(...Array(999).fill(here.account.contacts[0])),
    sent: () => {},
    'sent, least': () => {},
    'sent before': sent,
    'sent, no row yet': () => { here.account.rowsLate = true; },
    'broken off': () => here.account.fails('send', 'UNEXPECTED_ERROR'),
    refused: () => here.account.database.run("UPDATE employee SET isinactive = 'T' WHERE id = 11"),
    'refused for now': () => {
        here.account.breaks.query = (sql) => { if (sql.includes('FROM message')) throw new Error('words'); };
    },
    'read back': sent,
    'read back, no row yet': sentLate,
    'read back, in doubt': () => {
        here.account.fails('send', 'UNEXPECTED_ERROR');
        sent();
    },
    'read back, in doubt with a row': () => {
        here.account.fails('submit', 'UNEXPECTED_ERROR');
        expect(sent).toThrow('UNEXPECTED_ERROR');
        here.account.breaks = {};
    },
    'read back, absent': () => {},
};

test('every recorded answer has its story', () => {
    expect(Object.keys(answers)).toEqual(Object.keys(STORY));
});

test.each(Object.keys(STORY))('%s: the script says what is recorded', (name) => {
    const { method, asked, answer } = answers[name];
    STORY[name]();

    const said = method === 'POST' ? restlet.post(asked) : restlet.get(asked);

    // As it goes over the wire: nothing that JSON would leave out.
    expect(JSON.parse(JSON.stringify(said))).toStrictEqual(answer);
});

const restlet = require('SuiteScripts/dunwell/dunwell_restlet');
const { MAIL } = require('../testing/account');
const opened = require('../testing/opened');

const here = opened();
const message = { id: '9000', author: '11', recipient: 'dana@acme.example', subject: MAIL.subject };
const sent = { ok: true, state: 'sent', sentAt: opened.NOW, message };
const sending = { ok: true, state: 'sending' };
const read = (key = MAIL.key) => restlet.get({ action: 'mail', key });
const field = (name) => here.account.sends().map((send) => send[`custrecord_dunwell_send_${name}`]);

test('a mail leaves as the author and stands on the customer and the invoice', () => {
    expect(restlet.post(MAIL)).toEqual(sent);
    expect(here.account.sent).toEqual([{
        author: 11,
        recipients: [301],
        cc: [12],
        subject: 'A question about invoice INV-1',
        body: '<p>Hello Dana</p>',
        replyTo: 'maria@us.example',
        relatedRecords: { entityId: 107, transactionId: 501 },
    }]);
});

test('a mail needs no invoice, no reply address and nobody who reads along', () => {
    const { invoice, replyTo, cc, ...least } = MAIL;

    expect(restlet.post(least)).toEqual(sent);
    expect(here.account.sent).toEqual([{
        author: 11,
        recipients: [301],
        cc: [],
        subject: MAIL.subject,
        body: MAIL.body,
        relatedRecords: { entityId: 107 },
    }]);
});

test('what was sent is on record, without the words of the mail', () => {
    restlet.post(MAIL);

    expect(here.account.sends().map(({ name }) => name)).toEqual([MAIL.key]);
    expect([field('state'), field('sent_at'), field('message')]).toEqual([['sent'], [opened.NOW], ['9000']]);
    expect(JSON.stringify(here.account.sends())).not.toContain('Hello Dana');
});

test('the same key sends once and answers the same', () => {
    restlet.post(MAIL);
    jest.advanceTimersByTime(3600 * 1000);

    expect(restlet.post(MAIL)).toEqual(sent);
    expect(here.account.sent).toHaveLength(1);
});

test.each([
    { subject: 'Another' },
    { body: 'Another' },
    { cc: [] },
    { recipient: '302' },
    { template: '7' },
    { replyTo: undefined },
])('a key under which something else was sent sends nothing: %p', (change) => {
    restlet.post(MAIL);

    expect(restlet.post({ ...MAIL, ...change })).toEqual({ ok: false, error: { code: 'KEY_REUSED', permanent: true } });
    expect(here.account.sent).toHaveLength(1);
});

test('keys that differ by a capital letter are two keys, whatever NetSuite thinks of external ids', () => {
    restlet.post(MAIL);

    expect(restlet.post({ ...MAIL, key: 'Case-17.personal.1' }).message.id).toBe('9001');
    expect(here.account.sent).toHaveLength(2);
});

test('two calls at the same time send once', () => {
    here.account.breaks.query = (sql) => {
        // The first look for the record comes before the other call, everything after it comes later.
        if (!sql.includes('FROM employee')) return;
        delete here.account.breaks.query;
        expect(restlet.post(MAIL)).toEqual(sent);
    };

    expect(restlet.post(MAIL)).toEqual(sent);
    expect(here.account.sent).toHaveLength(1);
});

test('a record that another call has made and that cannot be seen yet leaves the mail to that call', () => {
    here.account.fails('save', 'DUP_EXTID');

    expect(restlet.post(MAIL)).toEqual(sending);
    expect(here.account.sent).toEqual([]);
});

test('a script that died between record and mail has sent nothing and never will', () => {
    here.account.fails('send', 'SSS_USAGE_LIMIT_EXCEEDED');
    here.account.fails('submit', 'SSS_USAGE_LIMIT_EXCEEDED');

    expect(() => restlet.post(MAIL)).toThrow('SSS_USAGE_LIMIT_EXCEEDED');
    here.account.breaks = {};

    expect(restlet.post(MAIL)).toEqual(sending);
    expect(read()).toEqual(sending);
    expect(here.account.sent).toEqual([]);
});

test('a script that died after the mail leaves doubt and a row to find', () => {
    here.account.fails('submit', 'SSS_USAGE_LIMIT_EXCEEDED');

    expect(() => restlet.post(MAIL)).toThrow('SSS_USAGE_LIMIT_EXCEEDED');
    here.account.breaks = {};

    expect(restlet.post(MAIL)).toEqual({ ...sending, message });
    expect(here.account.sent).toHaveLength(1);
});

test('a mail that NetSuite breaks off is in doubt, says why on its record, and is not tried again', () => {
    here.account.fails('send', 'INSUFFICIENT_PERMISSION');

    expect(restlet.post(MAIL)).toEqual(sending);
    here.account.breaks = {};

    expect(restlet.post(MAIL)).toEqual(sending);
    expect(field('trouble')).toEqual(['INSUFFICIENT_PERMISSION']);
    expect(here.account.logged).toEqual([{ title: 'IN_DOUBT', details: 'INSUFFICIENT_PERMISSION' }]);
    expect(here.account.sent).toEqual([]);
});

test('a template goes around the text and changes no word of it', () => {
    here.account.templates.set(7, '<html>Letterhead {{body}} Address</html>');

    expect(restlet.post({ ...MAIL, template: '7' })).toEqual(sent);
    expect(here.account.sent.map(({ subject, body }) => [subject, body])).toEqual([
        [MAIL.subject, '<html>Letterhead <p>Hello Dana</p> Address</html>'],
    ]);
});

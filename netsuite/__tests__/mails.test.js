const restlet = require('SuiteScripts/dunwell/dunwell_restlet');
const { MAIL } = require('../testing/account');
const opened = require('../testing/opened');

const here = opened();
const read = (key = MAIL.key) => restlet.get({ action: 'mail', key });
const row = (id) => ({ id: String(id), author: '11', recipient: 'dana@acme.example', subject: MAIL.subject });

test('a mail nobody sent is absent', () => {
    expect(read()).toEqual({ ok: true, state: 'absent' });
});

test('the row may come minutes later, and is remembered once it was seen', () => {
    here.account.rowsLate = true;
    expect(restlet.post(MAIL)).toEqual({ ok: true, state: 'sent', sentAt: opened.NOW });
    expect(read()).toEqual({ ok: true, state: 'sent', sentAt: opened.NOW });

    here.account.showRows();
    expect(read()).toEqual({ ok: true, state: 'sent', sentAt: opened.NOW, message: row(9000) });

    here.account.message(9500, 107, 11, 'dana@acme.example', MAIL.subject);
    expect(read().message).toEqual(row(9000));
});

test('older messages, and those of others or about something else, are not taken for ours', () => {
    here.account.message(8000, 107, 11, 'dana@acme.example', MAIL.subject);
    here.account.rowsLate = true;
    restlet.post(MAIL);
    here.account.message(9100, 107, 12, 'dana@acme.example', MAIL.subject);
    here.account.message(9101, 108, 11, 'dana@acme.example', MAIL.subject);
    here.account.message(9102, 107, 11, 'dana@acme.example', 'Another');

    expect(read()).toEqual({ ok: true, state: 'sent', sentAt: opened.NOW });
});

test('when two rows could be ours, neither is', () => {
    here.account.rowsLate = true;
    restlet.post(MAIL);
    here.account.showRows();
    here.account.message(9500, 107, 11, 'dana@acme.example', MAIL.subject);

    expect(read().message).toBeUndefined();
});

test('the row of a later mail with the same head is no proof of one that broke off', () => {
    here.account.message(8000, 107, 11, 'dana@acme.example', 'Before');
    here.account.fails('send', 'UNEXPECTED_ERROR');
    restlet.post(MAIL);
    here.account.breaks = {};
    here.account.message(8500, 107, 12, 'dana@acme.example', 'Meanwhile');
    restlet.post({ ...MAIL, key: 'case-17.personal.2' });

    expect(read()).toEqual({ ok: true, state: 'sending' });
    expect(read('case-17.personal.2').message).toEqual(row(9000));
});

test('a row that lacks what a reader checks is not shown', () => {
    here.account.rowsLate = true;
    restlet.post(MAIL);
    here.account.message(9000, 107, 11, null, MAIL.subject);

    expect(read()).toEqual({ ok: true, state: 'sent', sentAt: opened.NOW });
});

test('a row that cannot be looked for takes nothing from what is known', () => {
    restlet.post(MAIL);
    here.account.breaks.query = (sql) => {
        if (sql.includes('FROM message')) throw Object.assign(new Error('words'), { name: 'INSUFFICIENT_PERMISSION' });
    };

    expect(read()).toEqual({ ok: true, state: 'sent', sentAt: opened.NOW });
    expect(here.account.logged).toEqual([{ title: 'MESSAGE_NOT_READ', details: 'INSUFFICIENT_PERMISSION' }]);
});

test.each(['', 'a b', undefined, 'x'.repeat(101)])('%p is not a key', (key) => {
    const refusal = { ok: false, error: { code: 'KEY_MALFORMED', permanent: true } };
    expect(restlet.get({ action: 'mail', key })).toEqual(refusal);
});

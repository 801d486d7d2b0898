const restlet = require('SuiteScripts/dunwell/dunwell_restlet');
const { MAIL } = require('../testing/account');
const opened = require('../testing/opened');

const here = opened();
const refusal = (code, permanent = true) => ({ ok: false, error: { code, permanent } });

/** Refuse, with nothing sent, nothing recorded, and the key still free. */
const expectRefused = (given, code, permanent) => {
    expect(restlet.post(given)).toEqual(refusal(code, permanent));
    expect(here.account.sent).toEqual([]);
    expect(here.account.sends()).toEqual([]);
};

test.each([
    ['AUTHOR_UNKNOWN', { author: '999' }],
    ['RECIPIENT_UNKNOWN', { recipient: '999' }],
    ['CUSTOMER_UNKNOWN', { customer: '999' }],
    ['INVOICE_UNKNOWN', { invoice: '999' }],
    ['CC_UNKNOWN', { cc: ['12', '999'] }],
])('%s: nobody there', (code, change) => expectRefused({ ...MAIL, ...change }, code));

test('nobody writes in the name of an inactive employee', () => {
    here.account.employee(13, 'gone@us.example', 'T');

    expectRefused({ ...MAIL, author: '13' }, 'AUTHOR_UNKNOWN');
    expectRefused({ ...MAIL, cc: ['13'] }, 'CC_UNKNOWN');
});

test('nobody writes to a contact who is inactive or has no address', () => {
    here.account.contact(302, 107, { email: 'lee@acme.example', isinactive: true });
    here.account.contact(303, 107);

    expectRefused({ ...MAIL, recipient: '302' }, 'RECIPIENT_UNKNOWN');
    expectRefused({ ...MAIL, recipient: '303' }, 'RECIPIENT_UNKNOWN');
});

test('a mail is not about the invoice of another customer, nor about what is no invoice', () => {
    here.account.invoice(502, 108);
    here.account.invoice(503, 107, 'SalesOrd');

    expectRefused({ ...MAIL, invoice: '502' }, 'INVOICE_UNKNOWN');
    expectRefused({ ...MAIL, invoice: '503' }, 'INVOICE_UNKNOWN');
});

test('ten people are the most NetSuite sends to', () => {
    expectRefused({ ...MAIL, cc: Array(10).fill('12') }, 'TOO_MANY_RECIPIENTS');

    expect(restlet.post({ ...MAIL, cc: Array(9).fill('12') })).toMatchObject({ state: 'sent' });
    expect(here.account.sent).toHaveLength(1);
});

test.each([
    ['KEY_MALFORMED', { key: 'short' }],
    ['KEY_MALFORMED', { key: 'a key with blanks' }],
    ['KEY_MALFORMED', { key: undefined }],
    ['AUTHOR_MALFORMED', { author: 'maria' }],
    ['AUTHOR_MALFORMED', { author: 11 }],
    ['RECIPIENT_MALFORMED', { recipient: 'dana@acme.example' }],
    ['CUSTOMER_MALFORMED', { customer: "107' OR '1'='1" }],
    ['INVOICE_MALFORMED', { invoice: '' }],
    ['TEMPLATE_MALFORMED', { template: 'x' }],
    ['CC_MALFORMED', { cc: '12' }],
    ['CC_MALFORMED', { cc: ['felix@us.example'] }],
    ['REPLYTO_MALFORMED', { replyTo: 'maria@us.example, all@us.example' }],
    ['REPLYTO_MALFORMED', { replyTo: 'maria@us.example\r\nBcc: all@us.example' }],
    ['SUBJECT_MALFORMED', { subject: ' ' }],
    ['SUBJECT_MALFORMED', { subject: 'Hello\nBcc: all@us.example' }],
    ['SUBJECT_MALFORMED', { subject: 'x'.repeat(301) }],
    ['BODY_MALFORMED', { body: ' ' }],
    ['FIELD_UNKNOWN', { replyto: 'maria@us.example' }],
    ['ACTION_UNKNOWN', { action: 'contacts' }],
])('%s: %p', (code, change) => expectRefused({ ...MAIL, ...change }, code));

test.each([null, 'text', [MAIL], undefined])('%p is not a request', (given) => {
    expectRefused(given, 'REQUEST_MALFORMED');
});

test('a template without a place for the text is refused', () => {
    here.account.templates.set(7, 'Letterhead');
    here.account.templates.set(8, '{{body}} and again {{body}}');

    expectRefused({ ...MAIL, template: '7' }, 'TEMPLATE_WITHOUT_BODY');
    expectRefused({ ...MAIL, template: '8' }, 'TEMPLATE_WITHOUT_BODY');
});

test.each([
    ['CHECKS_FAILED', 'FROM customrecord'],
    ['CHECKS_FAILED', 'FROM employee'],
    ['MESSAGES_UNREADABLE', 'FROM message'],
])('%s: NetSuite fails before anything has left, so the same mail may be tried again', (code, table) => {
    here.account.breaks.query = (sql) => {
        if (sql.includes(table)) throw Object.assign(new Error('words'), { name: 'UNEXPECTED_ERROR' });
    };
    expectRefused(MAIL, code, false);
    expect(here.account.logged).toEqual([{ title: code, details: 'UNEXPECTED_ERROR' }]);

    here.account.breaks = {};
    expect(restlet.post(MAIL)).toMatchObject({ state: 'sent' });
});

test.each([['TEMPLATE_FAILED', 'merge'], ['NOT_RECORDED', 'save']])('%s: so does this', (code, part) => {
    here.account.templates.set(7, '{{body}}');
    here.account.fails(part, 'UNEXPECTED_ERROR');
    expectRefused({ ...MAIL, template: '7' }, code, false);

    here.account.breaks = {};
    expect(restlet.post({ ...MAIL, template: '7' })).toMatchObject({ state: 'sent' });
});

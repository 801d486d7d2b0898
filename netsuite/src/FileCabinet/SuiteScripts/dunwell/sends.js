/**
 * Our record of every mail we began to send. NetSuite lets one record have an external id, which is what makes a
 * mail leave once: whoever creates the record sends, whoever finds it there does not.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/record', './hashes', './rows'], (record, { sha256 }, { one }) => {
    const TYPE = 'customrecord_dunwell_send';
    const FIELD = 'custrecord_dunwell_send_';
    const NAMES = ['state', 'sent_at', 'customer', 'author', 'recipient', 'subject', 'print', 'after', 'message'];
    const COLUMNS = NAMES.map((name) => `${FIELD}${name} AS ${name === 'after' ? 'after_id' : name}`).join(', ');
    const BY_KEY = `SELECT id, ${COLUMNS} FROM ${TYPE} WHERE externalid = ?`;
    const NEXT = `SELECT MIN(${FIELD}after) AS bound FROM ${TYPE}
        WHERE id > ? AND ${FIELD}customer = ? AND ${FIELD}author = ? AND ${FIELD}subject = ?`;
    const STATE = { SENDING: 'sending', SENT: 'sent' };

    // Hashed: an external id takes letters, digits, _ and - only, and may not tell capitals apart.
    const externalId = (key) => `dunwell_${sha256(key)}`;

    /** Tell two mails under one key apart. */
    const print = (mail) => sha256(JSON.stringify([
        mail.author, mail.recipient, mail.customer, mail.invoice || '', mail.cc, mail.subject, mail.body,
        mail.replyTo || '', mail.template || '',
    ]));

    const find = (key) => one(BY_KEY, externalId(key));

    /** A send as `find` returns it right after `begin`; SuiteQL may not show it at once. */
    const begun = (id, mail, after) => ({
        id,
        state: STATE.SENDING,
        sent_at: '',
        customer: mail.customer,
        author: mail.author,
        recipient: mail.recipient,
        subject: mail.subject,
        print: print(mail),
        after_id: String(after),
        message: '',
    });

    /** Create the record; throws when the key has one already. `after`: the newest message there was before. */
    const begin = (mail, after) => {
        const send = begun('', mail, after);
        const made = record.create({ type: TYPE });
        made.setValue({ fieldId: 'name', value: mail.key });
        made.setValue({ fieldId: 'externalid', value: externalId(mail.key) });
        NAMES.forEach((name) => {
            made.setValue({ fieldId: FIELD + name, value: name === 'after' ? after : send[name] });
        });
        return { ...send, id: String(made.save()) };
    };

    const change = (id, values) => record.submitFields({
        type: TYPE,
        id,
        values: Object.fromEntries(Object.entries(values).map(([name, value]) => [FIELD + name, value])),
    });

    /** The newest message before the next mail with the same head began, if there was one: ours is not newer. */
    const bound = (send) => one(NEXT, Number(send.id), send.customer, send.author, send.subject).bound;

    return { STATE, print, find, begun, begin, change, bound };
});

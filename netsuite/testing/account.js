/**
 * A NetSuite account to run the script in: people, records and messages in SQLite, which takes the script's own
 * queries. It stands behind Oracle's stubs of the N/ modules, so the script is what is tested and nothing of it is
 * replaced.
 */
const { createHash } = require('node:crypto');
const { Database } = require('node-sqlite3-wasm');
const crypto = require('N/crypto');
const email = require('N/email');
const log = require('N/log');
const query = require('N/query');
const record = require('N/record');
const render = require('N/render');
const search = require('N/search');

const SEND = 'custrecord_dunwell_send_';
const TABLES = `
    CREATE TABLE employee (id INTEGER PRIMARY KEY, email TEXT, isinactive TEXT);
    CREATE TABLE customer (id INTEGER PRIMARY KEY);
    CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT, isinactive TEXT);
    CREATE TABLE "transaction" (id INTEGER PRIMARY KEY, type TEXT, entity INTEGER);
    CREATE TABLE message (id INTEGER PRIMARY KEY, entity INTEGER, author INTEGER, recipientemail TEXT, subject TEXT);
    CREATE TABLE customrecord_dunwell_send (
        id INTEGER PRIMARY KEY, name TEXT, externalid TEXT UNIQUE COLLATE NOCASE,
        ${SEND}state TEXT, ${SEND}sent_at TEXT, ${SEND}customer TEXT, ${SEND}author TEXT, ${SEND}recipient TEXT,
        ${SEND}subject TEXT, ${SEND}print TEXT, ${SEND}after INTEGER, ${SEND}message TEXT, ${SEND}trouble TEXT
    );
`;

const failure = (name) => Object.assign(new Error(`${name}: words that may hold what was sent`), { name });

class Account {
    constructor() {
        this.database = new Database(':memory:');
        this.database.exec(TABLES);
        this.contacts = []; // as a search sees them
        this.templates = new Map();
        this.sent = [];
        this.unseen = []; // messages that SuiteQL does not show yet
        this.rowsLate = false;
        this.logged = [];
        this.breaks = {}; // what to call before a part of NetSuite is used: breaks.save = () => { throw ... }
    }

    /** Put this account behind the stubs. */
    open() {
        crypto.createHash = () => {
            const hash = createHash('sha256');
            const digest = () => hash.digest('hex').toUpperCase();
            return { update: ({ input }) => hash.update(input, 'utf8'), digest };
        };
        email.send = (options) => this.#deliver(options);
        log.error = (entry) => this.logged.push(entry);
        query.runSuiteQL = ({ query: sql, params }) => ({ asMappedResults: () => this.#run(sql, params) });
        record.create = ({ type }) => this.#draft(type);
        record.submitFields = (options) => this.#submit(options);
        render.mergeEmail = (options) => this.#merge(options);
        search.create = (options) => this.#search(options);
    }

    close() {
        this.database.close();
    }

    /** Say that a part of NetSuite fails from now on: send, save, submit, query, merge. */
    fails(part, name) {
        this.breaks[part] = () => { throw failure(name); };
    }

    employee(id, address, isinactive = 'F') {
        this.database.run('INSERT INTO employee VALUES (?, ?, ?)', [id, address, isinactive]);
    }

    customer(id) {
        this.database.run('INSERT INTO customer VALUES (?)', [id]);
    }

    /** `role` and `categories` are names; a category is `[id, name]`. */
    contact(id, company, { role = '', categories = [], isprivate = false, isinactive = false, ...texts } = {}) {
        this.contacts.push({ id, company, role, categories, isprivate, isinactive, texts });
        this.database.run('INSERT INTO contact VALUES (?, ?, ?)', [id, texts.email ?? null, isinactive ? 'T' : 'F']);
    }

    invoice(id, entity, type = 'CustInvc') {
        this.database.run('INSERT INTO "transaction" VALUES (?, ?, ?)', [id, type, entity]);
    }

    message(id, entity, author, recipient, subject) {
        this.database.run('INSERT INTO message VALUES (?, ?, ?, ?, ?)', [id, entity, author, recipient, subject]);
    }

    /** Let SuiteQL show the messages it has kept back. */
    showRows() {
        this.unseen.splice(0).forEach((row) => this.message(...row));
    }

    sends() {
        return this.database.all('SELECT * FROM customrecord_dunwell_send ORDER BY id');
    }

    #run(sql, params) {
        this.breaks.query?.(sql);
        return this.database.all(sql.replace('FROM transaction', 'FROM "transaction"'), params);
    }

    #draft(type) {
        const values = {};
        return {
            setValue: ({ fieldId, value }) => { values[fieldId] = value; },
            save: () => this.#save(type, values),
        };
    }

    #save(type, values) {
        this.breaks.save?.(values);
        const names = Object.keys(values);
        const holes = names.map(() => '?').join(', ');
        try {
            this.database.run(`INSERT INTO ${type} (${names.join(', ')}) VALUES (${holes})`, Object.values(values));
        } catch (error) {
            throw error.message.includes('UNIQUE') ? failure('DUP_EXTID') : error;
        }
        return this.database.get('SELECT last_insert_rowid() AS id').id;
    }

    #submit({ type, id, values }) {
        this.breaks.submit?.(values);
        Object.entries(values).forEach(([name, value]) => {
            this.database.run(`UPDATE ${type} SET ${name} = ? WHERE id = ?`, [value, Number(id)]);
        });
        return Number(id);
    }

    #deliver(options) {
        this.breaks.send?.(options);
        this.sent.push(options);
        const to = this.database.get('SELECT email FROM contact WHERE id = ?', [options.recipients[0]]).email;
        const id = 9000 + this.sent.length - 1;
        this.unseen.push([id, options.relatedRecords.entityId, options.author, to, options.subject]);
        if (!this.rowsLate) this.showRows();
    }

    #merge(options) {
        this.breaks.merge?.(options);
        return { subject: 'of the template', body: this.templates.get(options.templateId) };
    }

    #search({ type, filters, columns }) {
        if (type !== search.Type.CONTACT) throw failure('SSS_INVALID_SRCH_TYPE');
        const [[, , company], , [, , isprivate]] = filters;
        const found = this.contacts.filter(
            (each) => each.company === Number(company) && each.isprivate === (isprivate === 'T'),
        );
        const getRange = ({ start, end }) => found.slice(start, end).map((each) => row(each, columns));
        return { run: () => ({ getRange }) };
    }
}

/** A search result: values by column, names by `getText`. */
const row = (contact, columns) => {
    const values = {
        ...contact.texts,
        internalid: String(contact.id),
        contactrole: contact.role && '5',
        category: contact.categories.map(([id]) => id).join(','),
        isinactive: contact.isinactive,
    };
    const texts = { contactrole: contact.role, category: contact.categories.map(([, name]) => name).join(',') };
    const asked = (from, name) => {
        if (!columns.includes(name)) throw failure('SSS_COLUMN_NOT_ASKED_FOR');
        return from[name] ?? '';
    };
    return { getValue: ({ name }) => asked(values, name), getText: ({ name }) => asked(texts, name) };
};

/** An account as most tests want it: Maria writes to Dana of customer 107 about invoice 501, Felix reads along. */
const usual = () => {
    const account = new Account();
    account.employee(11, 'maria@us.example');
    account.employee(12, 'felix@us.example');
    account.customer(107);
    account.contact(301, 107, {
        firstname: 'Dana', lastname: 'Reyes', email: 'dana@acme.example', role: 'Accounts Payable',
    });
    account.invoice(501, 107);
    return account;
};

const MAIL = {
    action: 'send',
    key: 'case-17.personal.1',
    author: '11',
    recipient: '301',
    customer: '107',
    cc: ['12'],
    subject: 'A question about invoice INV-1',
    body: '<p>Hello Dana</p>',
    invoice: '501',
    replyTo: 'maria@us.example',
};

module.exports = { MAIL, usual };

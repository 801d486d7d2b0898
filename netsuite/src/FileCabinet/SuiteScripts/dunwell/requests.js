/**
 * What callers may ask, checked before it goes anywhere. The connector checks the same; neither trusts the other.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['./answers'], ({ never }) => {
    const MOST_RECIPIENTS = 10; // NetSuite's, To and Cc together
    const LONGEST_SUBJECT = 300; // what the record of the send holds

    const text = (value) => typeof value === 'string' && value.trim() !== '';
    const fits = (pattern) => (value) => typeof value === 'string' && pattern.test(value);
    const isId = fits(/^-?[0-9]{1,12}$/);
    const isKey = fits(/^[A-Za-z0-9_.:-]{8,100}$/);
    const isAddress = fits(/^[^\s@<>,;"]{1,64}@[^\s@<>,;"]+\.[^\s@<>,;"]+$/);
    const isSubject = (value) => text(value) && value.length <= LONGEST_SUBJECT && !/[\r\n]/.test(value);
    const isList = (value) => Array.isArray(value) && value.every(isId);

    const REQUIRED = { key: isKey, author: isId, recipient: isId, customer: isId, subject: isSubject, body: text };
    const OPTIONAL = { cc: isList, invoice: isId, replyTo: isAddress, template: isId };
    const KNOWN = ['action', ...Object.keys(REQUIRED), ...Object.keys(OPTIONAL)];

    const malformed = (name) => never(`${name.toUpperCase()}_MALFORMED`);

    const object = (given) => {
        if (given === null || typeof given !== 'object' || Array.isArray(given)) throw never('REQUEST_MALFORMED');
        return given;
    };

    const id = (given, name) => {
        if (!isId(given[name])) throw malformed(name);
        return given[name];
    };

    const key = (given) => {
        if (!isKey(given.key)) throw malformed('key');
        return given.key;
    };

    const mail = (given) => {
        // A misspelt `replyTo` must not become a mail without one.
        if (Object.keys(given).some((name) => !KNOWN.includes(name))) throw never('FIELD_UNKNOWN');
        Object.keys(REQUIRED).forEach((name) => {
            if (!REQUIRED[name](given[name])) throw malformed(name);
        });
        Object.keys(OPTIONAL).forEach((name) => {
            if (given[name] !== undefined && !OPTIONAL[name](given[name])) throw malformed(name);
        });
        const cc = given.cc || [];
        if (cc.length >= MOST_RECIPIENTS) throw never('TOO_MANY_RECIPIENTS');
        return { ...given, cc };
    };

    return { object, id, key, mail };
});

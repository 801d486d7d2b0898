/**
 * A customer's contacts with role and categories. Neither REST nor SuiteQL shows the role; a saved search does.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/search', './answers'], (search, { never }) => {
    const MOST = 1000; // what one range of a search can hold
    const TEXTS = ['firstname', 'lastname', 'email', 'title'];
    const COLUMNS = ['internalid', ...TEXTS, 'contactrole', 'category', 'isinactive'];

    const list = (customer) => {
        // Whether a contact is private can be filtered by and not shown, hence two searches.
        const found = [...matching(customer, false), ...matching(customer, true)];
        return { contacts: found.sort((one, other) => one.id - other.id) };
    };

    const matching = (customer, isprivate) => {
        const filters = [['company', 'anyof', customer], 'AND', ['isprivate', 'is', isprivate ? 'T' : 'F']];
        const found = search
            .create({ type: search.Type.CONTACT, filters, columns: COLUMNS })
            .run()
            .getRange({ start: 0, end: MOST });
        // Half a list could miss the one contact that matters, or hide that there are two.
        if (found.length >= MOST) throw never('TOO_MANY_CONTACTS');
        return found.map((row) => contact(row, isprivate));
    };

    const contact = (row, isprivate) => {
        const known = {};
        TEXTS.filter((name) => row.getValue({ name })).forEach((name) => {
            known[name] = String(row.getValue({ name }));
        });
        const role = row.getText({ name: 'contactrole' });
        return {
            id: String(row.getValue({ name: 'internalid' })),
            ...known,
            ...(role ? { role: String(role) } : {}),
            categories: categories(row),
            isinactive: [true, 'T'].includes(row.getValue({ name: 'isinactive' })),
            isprivate,
        };
    };

    /** Names come in one text with commas between them; ids tell whether a comma is part of a name. */
    const categories = (row) => {
        const names = String(row.getText({ name: 'category' }) || '');
        const ids = String(row.getValue({ name: 'category' }) || '');
        if (!names) return [];
        const split = names.split(',').map((name) => name.trim());
        return split.length === ids.split(',').length ? split : [names];
    };

    return { list };
});

const restlet = require('SuiteScripts/dunwell/dunwell_restlet');
const opened = require('../testing/opened');

const here = opened();
const list = (customer = '107') => restlet.get({ action: 'contacts', customer });

test('a contact comes with role, categories and title, and without what is empty', () => {
    here.account.contact(302, 107, {
        firstname: 'Lee',
        email: 'lee@acme.example',
        title: 'AP clerk',
        categories: [['1', 'Events'], ['2', 'Accounts Payable']],
    });

    expect(list()).toEqual({
        ok: true,
        contacts: [
            {
                id: '301',
                firstname: 'Dana',
                lastname: 'Reyes',
                email: 'dana@acme.example',
                role: 'Accounts Payable',
                categories: [],
                isinactive: false,
                isprivate: false,
            },
            {
                id: '302',
                firstname: 'Lee',
                email: 'lee@acme.example',
                title: 'AP clerk',
                categories: ['Events', 'Accounts Payable'],
                isinactive: false,
                isprivate: false,
            },
        ],
    });
});

test('private and inactive contacts are listed as such, in the order of their ids', () => {
    here.account.contact(299, 107, { isprivate: true });
    here.account.contact(1000, 107, { isinactive: true });

    expect(list().contacts.map(({ id, isprivate, isinactive }) => [id, isprivate, isinactive])).toEqual([
        ['299', true, false], ['301', false, false], ['1000', false, true],
    ]);
});

test('a comma in the name of a category does not make two categories of it', () => {
    here.account.contact(302, 107, { categories: [['3', 'Finance, Accounts Payable']] });

    expect(list().contacts[1].categories).toEqual(['Finance, Accounts Payable']);
});

test('contacts of other customers are not listed', () => {
    here.account.contact(400, 108, { firstname: 'Ann' });

    expect(list('108').contacts.map(({ id }) => id)).toEqual(['400']);
    expect(list('109')).toEqual({ ok: true, contacts: [] });
});

test('half a list is never given for a whole one', () => {
    for (let id = 2000; id < 3000; id += 1) here.account.contacts.push({ ...here.account.contacts[0], id });

    expect(list()).toEqual({ ok: false, error: { code: 'TOO_MANY_CONTACTS', permanent: true } });
});

test.each(['', 'x', '1; DROP', undefined, ['107']])('%p is not a customer that can be asked about', (customer) => {
    expect(restlet.get({ action: 'contacts', customer })).toEqual({
        ok: false, error: { code: 'CUSTOMER_MALFORMED', permanent: true },
    });
});

test.each([{}, { action: 'send' }, { action: 'constructor' }])('%p is not something to read', (given) => {
    expect(restlet.get(given)).toEqual({ ok: false, error: { code: 'ACTION_UNKNOWN', permanent: true } });
});

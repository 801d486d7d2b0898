/**
 * Whether a mail names people and records that exist and may be written as, to and about.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['./answers', './rows'], ({ never }, { one }) => {
    const EMPLOYEE = "SELECT id, email FROM employee WHERE id = ? AND isinactive = 'F'";
    const CONTACT = "SELECT id, email FROM contact WHERE id = ? AND isinactive = 'F'";
    const CUSTOMER = 'SELECT id FROM customer WHERE id = ?';
    const INVOICE = "SELECT id FROM transaction WHERE id = ? AND type = 'CustInvc' AND entity = ?";

    const reachable = (sql, id) => {
        const row = one(sql, Number(id));
        return row !== undefined && row.email !== '';
    };

    const check = (mail) => {
        if (!reachable(EMPLOYEE, mail.author)) throw never('AUTHOR_UNKNOWN');
        if (!reachable(CONTACT, mail.recipient)) throw never('RECIPIENT_UNKNOWN');
        if (!one(CUSTOMER, Number(mail.customer))) throw never('CUSTOMER_UNKNOWN');
        if (!mail.cc.every((id) => reachable(EMPLOYEE, id))) throw never('CC_UNKNOWN');
        if (mail.invoice && !one(INVOICE, Number(mail.invoice), Number(mail.customer))) throw never('INVOICE_UNKNOWN');
    };

    return { check };
});

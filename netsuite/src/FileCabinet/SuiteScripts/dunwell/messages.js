/**
 * The rows on the Communication tab. `email.send` returns nothing, so the row is found by what it must say.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['./rows', './sends'], ({ rows, one }, sends) => {
    const HEAD = 'SELECT id, author, recipientemail, subject FROM message';
    const NEWEST = 'SELECT MAX(id) AS newest FROM message WHERE entity = ?';
    const BY_ID = `${HEAD} WHERE id = ?`;
    const LIKE_OURS = `${HEAD}
        WHERE entity = ? AND author = ? AND subject = ? AND id > ? AND id <= ? ORDER BY id`;
    const NO_BOUND = 999999999999;

    const newest = (customer) => Number(one(NEWEST, Number(customer)).newest);

    /** Return the row of a send, or nothing when it is not there or when several could be it. */
    const of = (send) => {
        const found = send.message ? rows(BY_ID, Number(send.message)) : likely(send);
        if (found.length !== 1) return undefined;
        const { id, author, recipientemail, subject } = found[0];
        return [id, author, recipientemail, subject].every(Boolean)
            ? { id, author, recipient: recipientemail, subject }
            : undefined;
    };

    const likely = (send) => rows(
        LIKE_OURS, Number(send.customer), Number(send.author), send.subject, Number(send.after_id),
        Number(sends.bound(send) || NO_BOUND),
    );

    return { newest, of };
});

/**
 * The two answers of ours: what was asked for, or a refusal, which says that nothing was done.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/log'], (log) => {
    /** Thrown to refuse. `permanent`: the same call can never succeed. */
    class Refused {
        constructor(code, permanent) {
            this.code = code;
            this.permanent = permanent;
        }
    }

    const never = (code) => new Refused(code, true);
    const notNow = (code) => new Refused(code, false);

    const answer = (work) => {
        try {
            return { ok: true, ...work() };
        } catch (error) {
            if (!(error instanceof Refused)) throw error;
            return { ok: false, error: { code: error.code, permanent: error.permanent } };
        }
    };

    /** Do what comes before anything leaves: if it breaks, nothing was sent, so say so instead of leaving doubt. */
    const beforehand = (code, work) => {
        try {
            return work();
        } catch (error) {
            if (error instanceof Refused) throw error;
            complain(code, error);
            throw notNow(code);
        }
    };

    /** Write down NetSuite's code alone: its words may hold what we were given. */
    const complain = (title, error) => log.error({ title, details: codeOf(error) });

    const codeOf = (error) => String((error && error.name) || 'UNKNOWN').slice(0, 80);

    return { never, notNow, answer, beforehand, complain, codeOf };
});

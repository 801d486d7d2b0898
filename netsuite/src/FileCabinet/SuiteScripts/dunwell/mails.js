/**
 * What became of a mail.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['./answers', './messages', './sends'], ({ complain }, messages, sends) => {
    const read = (key) => {
        const send = sends.find(key);
        return send ? became(send) : { state: 'absent' };
    };

    const became = (send) => {
        const message = seen(send);
        return {
            state: send.state,
            ...(send.sent_at ? { sentAt: send.sent_at } : {}),
            ...(message ? { message } : {}),
        };
    };

    /** Look for the row; that it cannot be looked for takes nothing from what is known otherwise. */
    const seen = (send) => {
        try {
            const message = messages.of(send);
            // Kept, because later messages may make it harder to tell.
            if (message && send.id && !send.message) sends.change(send.id, { message: message.id });
            return message;
        } catch (error) {
            complain('MESSAGE_NOT_READ', error);
            return undefined;
        }
    };

    return { read, became };
});

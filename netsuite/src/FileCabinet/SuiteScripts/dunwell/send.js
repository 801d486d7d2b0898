/**
 * Sending a mail once. Until its record exists nothing has left and every fault is a refusal; from then on it is
 * never sent again, whatever happens.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(
    ['N/email', './answers', './frame', './mails', './messages', './people', './sends'],
    (email, { beforehand, codeOf, complain, never, notNow }, frame, mails, messages, people, sends) => {
        const once = (mail) => {
            const earlier = beforehand('CHECKS_FAILED', () => sends.find(mail.key));
            if (earlier) return again(earlier, mail);
            beforehand('CHECKS_FAILED', () => people.check(mail));
            const body = beforehand('TEMPLATE_FAILED', () => frame.around(mail));
            const after = beforehand('MESSAGES_UNREADABLE', () => messages.newest(mail.customer));
            const { send, ours } = begin(mail, after);
            return ours ? leave(send, mail, body) : again(send, mail);
        };

        const again = (send, mail) => {
            if (send.print !== sends.print(mail)) throw never('KEY_REUSED');
            return mails.became(send);
        };

        /** Record the mail; it is ours to send unless another call has recorded its key meanwhile. */
        const begin = (mail, after) => {
            try {
                return { send: sends.begin(mail, after), ours: true };
            } catch (error) {
                complain('NOT_RECORDED', error);
                const send = beforehand('NOT_RECORDED', () => sends.find(mail.key));
                if (send) return { send, ours: false };
                // Another call has it and it cannot be seen yet: that one may send, so a refusal would be wrong.
                if (/DUP|EXIST/.test(codeOf(error))) return { send: sends.begun('', mail, after), ours: false };
                throw notNow('NOT_RECORDED');
            }
        };

        const leave = (send, mail, body) => {
            try {
                email.send(letter(mail, body));
            } catch (error) {
                // It may have left all the same: NetSuite delivers and writes the message in one call.
                complain('IN_DOUBT', error);
                sends.change(send.id, { trouble: codeOf(error) });
                return mails.became(send);
            }
            const sent = { state: sends.STATE.SENT, sent_at: new Date().toISOString() };
            sends.change(send.id, sent);
            return mails.became({ ...send, ...sent });
        };

        const letter = (mail, body) => ({
            author: Number(mail.author),
            recipients: [Number(mail.recipient)],
            cc: mail.cc.map(Number),
            subject: mail.subject,
            body,
            ...(mail.replyTo ? { replyTo: mail.replyTo } : {}),
            relatedRecords: {
                entityId: Number(mail.customer),
                ...(mail.invoice ? { transactionId: Number(mail.invoice) } : {}),
            },
        });

        return { once };
    },
);

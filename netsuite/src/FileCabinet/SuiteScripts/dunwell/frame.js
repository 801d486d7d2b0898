/**
 * An e-mail template of the account around our text: a letterhead, never other words than those that were approved.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/render', './answers'], (render, { never }) => {
    const PLACE = '{{body}}';

    /** Return the body to send: the mail's own, inside its template if it names one. */
    const around = (mail) => {
        if (!mail.template) return mail.body;
        const merged = render.mergeEmail({
            templateId: Number(mail.template),
            entity: { type: 'customer', id: Number(mail.customer) },
            recipient: { type: 'contact', id: Number(mail.recipient) },
            supportCaseId: null,
            transactionId: mail.invoice ? Number(mail.invoice) : null,
            customRecord: null,
        });
        const parts = String(merged.body).split(PLACE);
        if (parts.length !== 2) throw never('TEMPLATE_WITHOUT_BODY');
        return parts.join(mail.body);
    };

    return { around };
});

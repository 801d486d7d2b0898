/**
 * The door: contacts with their roles, and mail that leaves once per key. Answers HTTP 200 also when it refuses;
 * an error that reaches NetSuite (HTTP 400) leaves a mail in doubt.
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 * @NModuleScope SameAccount
 */
define(['./answers', './contacts', './mails', './requests', './send'], (answers, contacts, mails, requests, send) => {
    const get = (given) => answers.answer(() => {
        const { action } = requests.object(given);
        if (action === 'contacts') return contacts.list(requests.id(given, 'customer'));
        if (action === 'mail') return mails.read(requests.key(given));
        throw answers.never('ACTION_UNKNOWN');
    });

    const post = (given) => answers.answer(() => {
        const { action } = requests.object(given);
        if (action === 'send') return send.once(requests.mail(given));
        throw answers.never('ACTION_UNKNOWN');
    });

    return { get, post };
});

/**
 * SHA-256, as 64 hexadecimal digits.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/crypto', 'N/encode'], (crypto, encode) => {
    const sha256 = (text) => {
        const hash = crypto.createHash({ algorithm: crypto.HashAlg.SHA256 });
        hash.update({ input: text, inputEncoding: encode.Encoding.UTF_8 });
        return String(hash.digest({ outputEncoding: encode.Encoding.HEX })).toLowerCase();
    };

    return { sha256 };
});

/** Opens an account and the clock before each test, and ends both after it. */
const { usual } = require('./account');

const NOW = '2026-04-07T14:03:00.000Z';

module.exports = () => {
    const here = {};
    beforeEach(() => {
        jest.useFakeTimers({ now: new Date(NOW) });
        here.account = usual();
        here.account.open();
    });
    afterEach(() => {
        here.account.close();
        jest.useRealTimers();
    });
    return here;
};
module.exports.NOW = NOW;

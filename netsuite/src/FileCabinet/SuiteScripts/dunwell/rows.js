/**
 * Rows of a SuiteQL query, with column names in lower case and every value as a text.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/query'], (query) => {
    const text = (value) => (value === null || value === undefined ? '' : String(value));

    const rows = (sql, ...params) => query
        .runSuiteQL({ query: sql, params })
        .asMappedResults()
        .map(named);

    const named = (row) => Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name.toLowerCase(), text(value)]),
    );

    const one = (sql, ...params) => rows(sql, ...params)[0];

    return { rows, one };
});

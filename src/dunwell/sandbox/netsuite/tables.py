"""The tables SuiteQL sees, as SQLite keeps them: NetSuite's column names in lower case.

`T` and `F` are texts. `x__df` is what `BUILTIN.DF(x)` shows. Dates are ISO texts; `TO_CHAR` alone shows them so.
"""

SCHEMA = """
CREATE TABLE currency (id INTEGER PRIMARY KEY, name TEXT, symbol TEXT);
CREATE TABLE employee (
  id INTEGER PRIMARY KEY, entityid TEXT, firstname TEXT, lastname TEXT, email TEXT, isinactive TEXT DEFAULT 'F'
);
CREATE TABLE customer (
  id INTEGER PRIMARY KEY, entityid TEXT, companyname TEXT, firstname TEXT, lastname TEXT, email TEXT,
  entitystatus INTEGER, entitystatus__df TEXT, currency INTEGER, salesrep INTEGER,
  isperson TEXT DEFAULT 'F', isinactive TEXT DEFAULT 'F'
);
CREATE TABLE contact (
  id INTEGER PRIMARY KEY, entityid TEXT, firstname TEXT, lastname TEXT, email TEXT, title TEXT,
  company INTEGER, isinactive TEXT DEFAULT 'F'
);
CREATE TABLE "transaction" (
  id INTEGER PRIMARY KEY, tranid TEXT, type TEXT, entity INTEGER, trandate TEXT, duedate TEXT,
  foreigntotal NUMERIC, foreignamountunpaid NUMERIC, foreignpaymentamountunused NUMERIC,
  currency INTEGER, status TEXT, posting TEXT DEFAULT 'T', voided TEXT DEFAULT 'F', memo TEXT
);
"""
TABLES = ("currency", "employee", "customer", "contact", "transaction")

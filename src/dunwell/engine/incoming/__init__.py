"""Mail that comes in: kept once, matched to its cases, heard. A reply stops a case before anybody reads it."""

"""One system for all tests here: a package, so that its fixture ends with it."""

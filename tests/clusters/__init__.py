"""The clusters for all tests here: a package, so that they end with its last test."""

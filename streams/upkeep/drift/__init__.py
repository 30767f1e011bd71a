"""The drift sweep: what a platform really holds, compared with what we believe it to hold."""

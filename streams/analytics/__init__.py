"""Figures of each day, kept up while things happen: a Faust table over the feed."""

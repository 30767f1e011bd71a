"""Pages for people: server-rendered, usable without JavaScript, alive with it."""

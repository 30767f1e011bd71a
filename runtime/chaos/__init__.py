"""`smartstore chaos`: people change things on every side while parts are killed; then a judge looks
whether anything was lost, done twice or left different."""

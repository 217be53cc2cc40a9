-- What is due is looked for hook by hook, as those that are being called are left alone.
DROP INDEX hook_call_due;
CREATE INDEX hook_call_hook ON hook_call (hook_id, next_attempt);

-- Intents that an interruption kept open for long. An intent's id tells when it was created; of these few it does not
-- tell about when its money moved, and who asks for a period finds them here.
create index intents_settled_late on intents (settle_time) where settle_time - create_time > interval '1 minute';

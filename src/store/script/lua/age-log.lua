-- age-log.lua - messages that have had their time leave a log before it is looked at. docs/protocol.md section 2
-- USES life down member direct index leaving (members' counts: standalone Redis only)
-- FULL done
-- KEYS conversation members log
-- ARGV feed downEntries downIdleMs node seenMark id logMs
-- RETURNS 0 more(0|1)
local conversation, members, log = unpack(KEYS)
local id, log_ms = unpack(ARGV, 6)
local head, last_ts = unpack(redis.call('HMGET', conversation, 'headSeq', 'lastTs'))
head, last_ts = number_of(head, conversation .. ' headSeq'), number_of(last_ts, conversation .. ' lastTs', 2 ^ 42)
if not head or not last_ts then return { 0, 0 } end
local gone, more = leave_log({ conversation = conversation, log = log, head = head, last_ts = last_ts }, 0, kept_from(now, log_ms))
local all = gone and members_in(members) or {}
for i = 1, #all, 2 do let_go({ id = id, field = field_of(conversation), gone = gone }, all[i], all[i + 1]) end
return { 0, more and 1 or 0 }

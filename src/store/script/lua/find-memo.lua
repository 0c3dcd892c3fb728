-- find-memo.lua - what was made of a clientMsgId, for who sends it again while the store is full and takes nothing new. [MSG-2] [STORE-2]
-- USES life down memo
-- FULL reads
-- KEYS conversation memos
-- ARGV feed downEntries downIdleMs node seenMark field fingerprint dedupeMs
-- RETURNS status(0 nothing, 1 duplicate) seq msgId ts epoch here[] opened(0)
local conversation, memos = unpack(KEYS)
local field, fingerprint, dedupe_ms = unpack(ARGV, 6)
local head, last_ts = unpack(redis.call('HMGET', conversation, 'headSeq', 'lastTs'))
local memo = memo_of(memos, field, tonumber(dedupe_ms), whole_of(last_ts, 2 ^ 42) or 0, (whole_of(head) or 0) + 1)
return memo.stored and duplicate_of(memo, fingerprint) or { 0 }

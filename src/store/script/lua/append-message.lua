-- append-message.lua - decides sends, in order, each by itself: one that fails touches none of its neighbours. [MSG-1] to [MSG-5]
-- USES life down event member hint deliver direct opening index leaving memo log offline serve sent append each kick
--   rate admission (all members' keys are built from their ids: standalone Redis only)
-- FULL refused
-- ARGV feed downEntries downIdleMs node seenMark dedupeMs logMessages logMs emissionUs burst newDirect direct
-- then tag id from terminal field fingerprint tail nonce quote silent create userTag issuedAt expiresAt units membersPerUnit ...
-- userTag: the partition of a user who must be admitted first; empty: the application sends, and may write everywhere [DIRECT-3].
-- tail: of the record, see log.lua; empty: see append.lua.
-- RETURNS 0 [verdict(ok|kicked|limited) reason retryMs units, decision[]:
--   see append.lua; empty when it was not admitted; -12 and why it failed] ...
local dedupe_ms, log_messages, log_ms, emission_us, burst, new_direct, direct = unpack(ARGV, 6)
local limits = {
  dedupe_ms = tonumber(dedupe_ms), log_messages = tonumber(log_messages), log_ms = tonumber(log_ms), new_direct = tonumber(new_direct),
  direct = direct
}
local up, FIELDS, FROM, USER_TAG = pace(tonumber(emission_us), tonumber(burst), MAX_UNITS), 16, 2, 11

local kicks = {}
for i = 13, #ARGV, FIELDS do
  if ARGV[i + USER_TAG] ~= '' then kicks[#kicks + 1] = kick_of(ARGV[i + USER_TAG], ARGV[i + FROM]) end
end
look_for(kicks)

return decide_each(13, FIELDS, function (
  tag, id, from, terminal, field, fingerprint, tail, nonce, quote, silent, create, user_tag, issued, expires, units, per
)
  local prefix = 'iris:{' .. tag .. '}:'
  local conversation, verdict, reason, wait_ms = prefix .. 'CONVERSATION:' .. id, 'ok', '', 0
  local members = conversation .. ':MEMBERS'
  if user_tag ~= '' then
    verdict, reason, wait_ms, units = admit({
      kick = kick_of(user_tag, from), rate = user_key(user_tag, 'RATE', from), members = members,
      user = from, terminal = terminal, issued = issued, expires = expires, units = units, members_per_unit = per
    }, up)
    if verdict ~= 'ok' then return { verdict, reason, wait_ms, units, {} } end
  end
  here = { stamped }
  local is_done, decision = pcall(append, {
    tag = tag, conversation = conversation, members = members, log = prefix .. 'LOG:' .. id, memos = prefix .. 'DEDUPE:' .. id,
    id = id, from = from, terminal = terminal, field = field, fingerprint = fingerprint, tail = tail, nonce = nonce, quote = quote,
    silent = silent, create = create, is_users = user_tag ~= ''
  }, limits)
  return { verdict, reason, wait_ms, units, is_done and decision or failed(decision) }
end)

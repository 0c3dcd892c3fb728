-- append-message.lua - decides sends, in order, each by itself: one that fails touches none of its neighbours. [MSG-1] to [MSG-5]
-- USES life down member direct index leaving serve memo log append kick rate admission (all members' keys are built from their ids: standalone Redis only)
-- FULL refused
-- ARGV downEntries downIdleMs node seenMark dedupeMs logMessages logMs emissionUs burst
-- then tag id from terminal field fingerprint draft nonce quoteSeq silent create newDirect userTag issuedAt expiresAt units membersPerUnit ...
-- userTag: the partition of a user who must be admitted first; empty: the application sends.
-- RETURNS 0 [verdict(ok|kicked|limited) reason retryMs units, decision[]: see append.lua; empty when it was not admitted; -12 and why it failed] ...
local dedupe_ms, log_messages, log_ms, emission_us, burst = unpack(ARGV, 5)
local limits, FIELDS = { dedupe_ms = dedupe_ms, log_messages = log_messages, log_ms = log_ms }, 17

local function decide (tag, id, from, terminal, field, fingerprint, draft, nonce, quote, silent, create, new_direct, user_tag, issued, expires, units, per)
  local prefix = 'iris:{' .. tag .. '}:'
  local conversation, verdict, reason, wait_ms = prefix .. 'CONVERSATION:' .. id, 'ok', '', 0
  if user_tag ~= '' then
    verdict, reason, wait_ms, units = admit({
      kick = user_key(user_tag, 'SYSTEM_INSTRUCT_USER_KICK', from), rate = user_key(user_tag, 'RATE', from), members = conversation .. ':MEMBERS',
      user = from, terminal = terminal, issued = issued, expires = expires, emission_us = emission_us, burst = burst, units = units, members_per_unit = per
    })
    if verdict ~= 'ok' then return { verdict, reason, wait_ms, units, {} } end
  end
  here = { stamped }
  local is_done, decision = pcall(append, {
    conversation = conversation, members = conversation .. ':MEMBERS', log = prefix .. 'LOG:' .. id, memos = prefix .. 'DEDUPE:' .. id,
    id = id, from = from, terminal = terminal, field = field, fingerprint = fingerprint, draft = draft, nonce = nonce, quote = quote, silent = silent, create = create, new_direct = new_direct
  }, limits)
  if not is_done then decision = { -12, type(decision) == 'table' and decision.err or decision } end
  return { verdict, reason, wait_ms, units, decision }
end

local decided = { 0 }
for i = 10, #ARGV, FIELDS do
  local is_done, each = pcall(decide, unpack(ARGV, i, i + FIELDS - 1))
  decided[#decided + 1] = is_done and each or { 'ok', '', 0, 1, { -12, type(each) == 'table' and each.err or each } }
end
return decided

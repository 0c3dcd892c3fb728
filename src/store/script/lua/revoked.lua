-- revoked.lua - prelude after event and log: what a back end is told of a revocation: the message as it was, for the last time. [EVENT-4]
-- message: see message_in; facts: id, seq, by, reason (may be empty), draft.
local function announce_revoked (message, facts)
  if not is_told('message.revoked') then return end
  local reason = facts.reason ~= '' and ',"reason":' .. cjson.encode(facts.reason) or ''
  announce('message.revoked', '"ts":' .. int(now) .. ',"conversationId":"' .. facts.id .. '","seq":' .. facts.seq .. ',"msgId":"' ..
    msg_id_of(message.ts, facts.seq, message.nonce) .. '","from":"' .. message.from .. '","by":"' .. facts.by .. '"' .. reason ..
    ',"message":{"clientMsgId":"' .. message.client_id .. '","type":"' .. message.type .. '","ts":' .. int(message.ts) .. ',' ..
    rest_of(message) .. '}' .. trace_in(facts.draft))
end

-- addressed.lua - prelude: which of a user's terminals an item is for. filter: JSON of `ids`, `platforms` and `except`; empty: all.
local function addressing (filter)
  local wanted = filter ~= '' and cjson.decode(filter) or {}
  local function has (list, value)
    for _, item in ipairs(list or { value }) do if item == value then return true end end
    return false
  end
  return function (name, platform) return name ~= wanted.except and has(wanted.ids, name) and has(wanted.platforms, platform) end
end

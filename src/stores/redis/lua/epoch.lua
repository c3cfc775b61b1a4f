-- Whether counts are still those that a client knew. An epoch begins when Redis has nothing; its
-- value is a name, a bar and the time in ms when counts were lost, or 0: then the counts are whole,
-- or nobody knew any before. 'name|0|accepted' is written by an operator who accepts a loss.

-- Longer than the longest window; renewed every hour while somebody calls.
local EPOCH_MS = 5184000000

-- Answers nil when the epoch is the known one, else the epoch by now. known is '' when the client
-- knows none; then nothing can have been lost before its eyes.
local function epochBesides(key, known, fresh, now)
  local value = redis.call('GET', key)
  if value == known then return nil end
  local whole = value and string.match(value, '|0$')
  if known ~= '' and (not value or whole) then
    value = fresh .. '|' .. string.format('%.0f', now)
    redis.call('SET', key, value, 'PX', EPOCH_MS)
  elseif not value then
    value = fresh .. '|0'
    redis.call('SET', key, value, 'PX', EPOCH_MS)
  end
  return value
end

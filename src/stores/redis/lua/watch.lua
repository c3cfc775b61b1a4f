-- Looks at the epoch without deciding anything, and begins a new one when counts are known to be
-- lost.
--
-- KEYS  1 epoch
-- ARGV  1 '' for the server's clock, or the time in ms (tests only)
--       2 known epoch, 3 name for a new one, 4 '1' when counts are lost for sure
-- Answers the epoch by now, and the server's time in ms

local now = clockMs(ARGV[1])
local epoch = epochBesides(KEYS[1], ARGV[2], ARGV[3], now) or ARGV[2]
if ARGV[4] == '1' and string.match(epoch, '|0$') then
  epoch = ARGV[3] .. '|' .. string.format('%.0f', now)
  redis.call('SET', KEYS[1], epoch, 'PX', EPOCH_MS)
end
redis.call('PEXPIRE', KEYS[1], EPOCH_MS)
return { epoch, string.format('%.0f', now) }

-- Reads windows without taking and without writing.
--
-- KEYS  one entity for each counter
-- ARGV  1  '' for the server's clock, or the time in ms (tests only)
--       2  shapes, as readShapes says
--       then for each counter: shape, cost
-- Answers, little-endian, for each window
--   u32 remaining, u32 reset after ms, u32 retry after ms (0 fits, 2^32 - 1 never)
-- or '' when a value is not ours

local now = clockMs(ARGV[1])
local shapes, a = readShapes(2)
local values = readAll(KEYS, #KEYS)
local out = {}
for k = 1, #KEYS do
  local shape, cost = shapes[tonumber(ARGV[a])], tonumber(ARGV[a + 1])
  local e = shape.meter.open(KEYS[k], values[k], shape, now)
  if not e then return '' end
  shape.meter.readInto(out, e, shape, cost, true)
  a = a + 2
end
return encode('<' .. rep('I4', #out), unpack(out))

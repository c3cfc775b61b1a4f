-- Decides many waiting decisions in the order in which they came, each against what the ones before
-- it left.
--
-- KEYS  the epoch; E entities, each once; then D verdicts, one for each decision, the same key twice when a
--       request came twice; then calls, one for each decision that is settled later
-- ARGV  1  '' for the server's clock, or the time in ms (tests only)
--       2  known epoch, 3 name for a new one
--       4  D
--       5  E
--       6  shapes, as readShapes says; all uses of an entity within a call have the same lengths
--       then for each decision: fingerprint, plan (u32: tells whether a repeat asks for the same
--       counters), call (its place in KEYS, 0 when nothing is settled later) and, unless 0, the
--       call's id, how long it is remembered in ms and a text; how many counters n, n times: entity
--       (1..E), shape, cost
-- A call is remembered as: for each counter f64 time of the take, then the text.
-- Answers 'epoch', the epoch and the server's time in ms when the epoch is another one, and decides
-- nothing then. Otherwise for each decision a status and a verdict:
--   0 decided now
--   1 decided before
--   2 decided before under another fingerprint; ''
--   3 one of its values is not ours, so nothing was done; ''
-- A verdict, little-endian, is remembered as it is answered:
--   u8 kind (0 denied, 1 taken), u16 tries that share it, u32 plan,
--   u16 length of the fingerprint, fingerprint, then
--   taken: for each counter f64 time of the take; then for each window
--     u32 remaining, u32 reset after ms
--   denied: for each window
--     u32 remaining, u32 reset after ms, u32 retry after ms (0 fits, 2^32 - 1 never)
-- All writes come last. A server that refuses writes (full, read-only) refuses the first, so
-- nothing is half done.

local DENIED, TAKEN = 0, 1
local DECIDED, REPEATED, CONFLICT, UNREADABLE = 0, 1, 2, 3
-- How long a verdict is remembered.
local VERDICT_MS = 600000
local VERDICT_HEAD = '<BI2I4I2'
local VERDICT_HEAD_BYTES = 9
local MAX_TRIES = 65535

local now = clockMs(ARGV[1])
local epoch = epochBesides(KEYS[1], ARGV[2], ARGV[3], now)
if epoch then return { 'epoch', epoch, string.format('%.0f', now) } end
local decisions = tonumber(ARGV[4])
local entities = tonumber(ARGV[5])
local shapes, a = readShapes(6)
local values = readAll(KEYS, 1 + entities + decisions)
local opened, changed, verdicts, remembered, calls, reply = {}, {}, {}, {}, {}, {}
local shares, placeOfVerdict = {}, {}

local function openOnce(k, shape)
  local e = opened[k]
  if e == nil then
    e = shape.meter.open(KEYS[1 + k], values[1 + k], shape, now) or false
    opened[k] = e
  end
  return e
end

-- The counters of the decision at hand: how many, and for each its entity, shape and cost.
local counters, entityOf, shapeOf, costOf = 0, {}, {}, {}

-- Reads n counters from ARGV[from] on; false when a value is not ours.
local function readCounters(from, n)
  counters = n
  for c = 1, n do
    local shape = shapes[tonumber(ARGV[from + 1])]
    local e = openOnce(tonumber(ARGV[from]), shape)
    if not e then return false end
    entityOf[c], shapeOf[c], costOf[c] = e, shape, tonumber(ARGV[from + 2])
    from = from + 3
  end
  return true
end

local function allFit()
  for c = 1, counters do
    local shape = shapeOf[c]
    if not shape.meter.fits(entityOf[c], shape, costOf[c]) then return false end
  end
  return true
end

local function takeAll(call)
  for c = 1, counters do
    local e, shape = entityOf[c], shapeOf[c]
    changed[e] = shape.meter
    shape.meter.take(e, shape, costOf[c], call and call.id)
  end
end

local function verdictOf(kind, plan, fingerprint)
  local out = {}
  if kind ~= DENIED then
    for c = 1, counters do out[c] = entityOf[c].at end
  end
  local times = #out
  for c = 1, counters do
    shapeOf[c].meter.readInto(out, entityOf[c], shapeOf[c], costOf[c], kind == DENIED)
  end
  local head = encode(VERDICT_HEAD, kind, 1, plan, #fingerprint)
  local body = encode('<' .. rep('d', times) .. rep('I4', #out - times), unpack(out))
  return head .. fingerprint .. body
end

local function remember(call)
  local times = {}
  for c = 1, counters do times[c] = entityOf[c].at end
  call.value = encode('<' .. rep('d', counters), unpack(times)) .. call.text
  calls[#calls + 1] = call
end

local function decide(key, plan, fingerprint, call)
  local kind = allFit() and TAKEN or DENIED
  if kind == TAKEN then
    takeAll(call)
    if call then remember(call) end
  end
  local verdict = verdictOf(kind, plan, fingerprint)
  verdicts[key] = verdict
  remembered[#remembered + 1] = key
  return DECIDED, verdict
end

-- One more try shares what was taken: it is given back when the last of them gives it back.
local function share(key, stored, tries)
  local more = encode('<I2', min(tries + 1, MAX_TRIES))
  local shared = sub(stored, 1, 1) .. more .. sub(stored, 4)
  if verdicts[key] then
    verdicts[key] = shared
  else
    values[placeOfVerdict[key]] = shared
    shares[#shares + 1] = { key = key, bytes = more }
  end
end

-- A repeat under other counters, after a change of configuration, keeps its outcome and reads the
-- windows as they are.
local function recall(key, stored, plan, fingerprint, at, n)
  if stored == true or #stored < VERDICT_HEAD_BYTES then return UNREADABLE, '' end
  local kind, tries, storedPlan, length = decode(VERDICT_HEAD, stored)
  local from = VERDICT_HEAD_BYTES
  if sub(stored, from + 1, from + length) ~= fingerprint then return CONFLICT, '' end
  if kind == TAKEN then share(key, stored, tries) end
  if storedPlan == plan then return REPEATED, stored end
  if not readCounters(at, n) then return UNREADABLE, '' end
  return REPEATED, verdictOf(kind, plan, fingerprint)
end

for d = 1, decisions do
  local fingerprint, plan, place = ARGV[a], tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  local call
  a = a + 3
  if place > 0 then
    call = { key = KEYS[place], id = ARGV[a], lifeMs = ARGV[a + 1], text = ARGV[a + 2] }
    a = a + 3
  end
  local n = tonumber(ARGV[a])
  local key = KEYS[1 + entities + d]
  local stored = verdicts[key] or values[placeOfVerdict[key] or 1 + entities + d]
  placeOfVerdict[key] = placeOfVerdict[key] or 1 + entities + d
  local status, verdict = UNREADABLE, ''
  if stored then
    status, verdict = recall(key, stored, plan, fingerprint, a + 1, n)
  elseif readCounters(a + 1, n) then
    status, verdict = decide(key, plan, fingerprint, call)
  end
  reply[2 * d - 1], reply[2 * d] = status, verdict
  a = a + 1 + 3 * n
end

for k = 1, entities do
  local meter = opened[k] and changed[opened[k]]
  if meter then meter.save(opened[k]) end
end
for r = 1, #remembered do
  redis.call('PSETEX', remembered[r], VERDICT_MS, verdicts[remembered[r]])
end
for s = 1, #shares do redis.call('SETRANGE', shares[s].key, 1, shares[s].bytes) end
for c = 1, #calls do redis.call('PSETEX', calls[c].key, calls[c].lifeMs, calls[c].value) end
return reply

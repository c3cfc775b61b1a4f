import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type {
  MethodDefinition,
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { causeOf, type EdgeLog } from './edge-log.ts';
import { internal, unreadable } from './refusals.ts';

/** Both published versions: older tools ask for the second only. */
const METHODS = [
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
] as const;

const PROTO_FILES = [
  'tollgate/v1/decision_service.proto',
  'tollgate/v1/query_service.proto',
  'tollgate/v1/record_service.proto',
] as const;

/** Services that reflection lists. */
const LISTED = [
  'tollgate.v1.DecisionService',
  'tollgate.v1.QueryService',
  'tollgate.v1.RecordService',
];

/** A method of reflection as @grpc/reflection registers it. */
interface Reflected {
  readonly decode: (bytes: Buffer) => unknown;
  readonly encode: (message: unknown) => Buffer;
  readonly handle: (stream: object) => void;
}

type RawStream = ServerDuplexStream<Buffer, Buffer>;

/**
 * Adds server reflection. The descriptors are read from proto/ when somebody first asks: it takes
 * about 50 ms, and most processes are never asked.
 */
export function addReflection(server: Server, log: EdgeLog): void {
  let loading: Promise<ReadonlyMap<string, Reflected>> | undefined;
  for (const path of METHODS) {
    const info = (stream: RawStream): void => {
      loading ??= load();
      loading.then(
        (methods) => serve(stream, methods.get(path)),
        (thrown: unknown) => {
          loading = undefined;
          log.error({ cause: causeOf(thrown) }, 'reflection cannot read the contracts');
          stream.emit('error', internal());
        },
      );
    };
    server.addService({ info: bytesMethod(path) }, { info });
  }
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/** A stream of undecoded messages in both directions. */
function bytesMethod(path: string): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  };
}

/** Lets a handler of @grpc/reflection work on a stream of undecoded messages. */
function serve(stream: RawStream, method: Reflected | undefined): void {
  if (method === undefined) {
    stream.emit('error', internal());
    return;
  }
  method.handle({
    on: (event: string, listener: (message?: unknown) => void) => {
      if (event !== 'data') stream.on(event, listener);
      else stream.on('data', (bytes: Buffer) => decodeFor(stream, method, bytes, listener));
    },
    write: (message: unknown) => stream.write(method.encode(message)),
    end: () => stream.end(),
  });
}

function decodeFor(
  stream: RawStream,
  method: Reflected,
  bytes: Buffer,
  listener: (message: unknown) => void,
): void {
  try {
    listener(method.decode(bytes));
  } catch {
    stream.emit('error', unreadable());
  }
}

/**
 * Builds the index of our contracts and takes the handlers that @grpc/reflection would register.
 */
async function load(): Promise<ReadonlyMap<string, Reflected>> {
  const [{ ReflectionService }, { load: loadProtos }] = await Promise.all([
    import('@grpc/reflection'),
    import('@grpc/proto-loader'),
  ]);
  const includeDirs = [await protoRoot()];
  const contracts = await loadProtos([...PROTO_FILES], { includeDirs, keepCase: true });
  const methods = new Map<string, Reflected>();
  const register = (service: ServiceDefinition, handlers: UntypedServiceImplementation): void => {
    for (const [name, definition] of Object.entries(service)) {
      const handle = handlers[name];
      if (handle === undefined) continue;
      methods.set(definition.path, {
        decode: definition.requestDeserialize,
        encode: definition.responseSerialize,
        handle: handle as Reflected['handle'],
      });
    }
  };
  const reflection = new ReflectionService(contracts, { services: [...LISTED] });
  reflection.addToServer({ addService: register });
  return methods;
}

/** The package root is two folders up from the sources and three from their compiled form. */
const MAX_LEVELS_UP = 4;

async function protoRoot(): Promise<string> {
  let folder = import.meta.dirname;
  for (let level = 0; level < MAX_LEVELS_UP; level += 1) {
    folder = dirname(folder);
    const candidate = join(folder, 'proto');
    const found = await access(join(candidate, PROTO_FILES[0])).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  throw new Error('proto/ is not in the package: install it whole');
}

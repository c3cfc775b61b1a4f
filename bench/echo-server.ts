import { Server, ServerCredentials } from '@grpc/grpc-js';

/**
 * The floor: grpc-js answering a unary call with the bytes that it got. Whatever Tollgate costs
 * comes on top. Prints `listening PORT`.
 */
const server = new Server();
const same = (bytes: Buffer): Buffer => bytes;
server.addService(
  {
    Authorize: {
      path: '/tollgate.v1.DecisionService/Authorize',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  {
    Authorize(
      call: { readonly request: Buffer },
      reply: (error: null, bytes: Buffer) => void,
    ): void {
      reply(null, call.request);
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening ${port}\n`);
});

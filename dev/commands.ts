import { type MeshAccess } from './mesh-access.js'
import { type Story } from './story.js'

/** Lines to paste into a shell: the API through the edge with curl, the services themselves with grpcurl. */
export function commandLines(mesh: MeshAccess, { alice, bob, intent }: Story): string[] {
  const { url, ports } = mesh
  const json = `-H 'content-type: application/json'`
  const signedIn = `-H "authorization: Bearer $TOKEN"`
  const logIn = JSON.stringify({ email: alice.email, password: alice.password })
  const payment = {
    intent: {
      operationType: 'P2P_TRANSFER',
      payer: { wallet: alice.wallet },
      payee: { wallet: bob.wallet },
      amount: { assetCode: 'THB', minorUnits: '2500' },
    },
  }
  // The shell makes the request id, or pasting the line twice would pay once: that is what request ids are for.
  const body = JSON.stringify(payment).replace('{', `{"requestId":"'$(date +%s)'",`)
  const { caFile, certFile, keyFile } = mesh.tls('operator')
  const grpcurl = `grpcurl -cacert ${quote(caFile)} -cert ${quote(certFile)} -key ${quote(keyFile)}`
  return [
    'The API, as Alice (the token is good for 15 minutes):',
    `  TOKEN=$(curl -s ${url}/v1/sessions ${json} -d '${logIn}' | sed 's/.*"accessToken": *"\\([^"]*\\)".*/\\1/')`,
    `  curl -w '\\n' ${signedIn} ${url}/v1/wallets`,
    `  curl -w '\\n' ${signedIn} ${json} ${url}/v1/intents -d '${body}'`,
    `  curl -w '\\n' ${signedIn} ${url}/v1/${intent}`,
    `  curl -N ${signedIn} ${url}/v1/${intent}:watch`,
    'The services, as the operator (grpcurl is not part of Paymesh):',
    `  ${grpcurl} localhost:${ports.intent.grpc} list`,
    `  ${grpcurl} -d '${JSON.stringify({ name: intent })}' localhost:${ports.intent.grpc} paymesh.intent.v1.IntentService/GetIntent`,
    `  ${grpcurl} -d '${JSON.stringify({ name: alice.ledgerAccount })}' localhost:${ports.ledger.grpc} paymesh.ledger.v1.AccountService/GetAccount`,
  ]
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}

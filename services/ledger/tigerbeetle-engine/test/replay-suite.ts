import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { type TestTigerBeetle, testCertificates, testTigerBeetle } from '../../../../dev/testing.js'
import { tigerBeetleBinary } from '../../../../dev/tigerbeetle.js'
import { replay, transcript } from '../../test/replay-process.js'

const onTigerBeetle = ['--engine', 'tigerbeetle']

describe('npm run replay on TigerBeetle', function () {
  this.timeout(120_000)
  let cluster: TestTigerBeetle
  before(async () => {
    cluster = await testTigerBeetle()
  })
  after(() => cluster.stop())

  it('starts servers of the program that there is, one for each scenario that needs an empty ledger', async () => {
    const env = { TIGERBEETLE_BINARY: tigerBeetleBinary(process.env) }
    const args = [...onTigerBeetle, transcript('imported'), transcript('exists')]
    const { code, out, problem } = await replay(args, env, 'dev')
    assert.deepEqual({ code, problem }, { code: 0, problem: '' })
    assert.match(out.join(), /^\d+ scenarios: (\d+) as recorded, 0 different, 0 not expressible\.$/)
  })

  it('takes an empty cluster that is given, through gRPC too, and none that holds anything', async () => {
    const folder = dirname((await testCertificates()).of('ledger').certFile)
    const env = { TIGERBEETLE_ADDRESSES: cluster.address, TIGERBEETLE_CLUSTER_ID: '0', TLS_FOLDER: folder }
    const args = [...onTigerBeetle, '--grpc', transcript('queries')]
    const { code, out, problem } = await replay(args, env)
    assert.deepEqual({ code, problem }, { code: 0, problem: '' })
    assert.match(out[0]!, /^queries\/\w+: not replayed, it needs an empty ledger of its own$/)
    assert.match(out[1]!, /^\d+ scenarios: \d+ as recorded, 0 different, 0 not expressible, 1 not replayed\.$/)
    const again = await replay(args, env)
    assert.equal(again.code, 78)
    assert.match(again.problem, /^The TigerBeetle cluster .* holds accounts already; a replay needs an empty one\.$/)
  })
})

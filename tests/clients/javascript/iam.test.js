// The AWS SDK for JavaScript on an API with IAM, as a user who may query and nothing else. Run by test_iam.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import { S3Vectors } from "@aws-sdk/client-s3vectors";
import { SignatureV4 } from "@smithy/signature-v4";

class ForApiGateway extends SignatureV4 {
  constructor(options) {
    super({ ...options, service: "execute-api" });
  }
}

const films = { vectorBucketName: "guarded", indexName: "films" };
const query = { ...films, topK: 3, queryVector: { float32: [-1, 0, 0, 0] } };

function recorded(configuration) {
  const client = new S3Vectors(configuration);
  const sent = [];
  const record = (next) => (argument) => {
    sent.push(argument.request.headers.authorization);
    return next(argument);
  };
  client.middlewareStack.add(record, { step: "deserialize" });
  return { client, sent };
}

test("a user may do what the policy allows, and signs for API Gateway", async () => {
  const { client, sent } = recorded({ signerConstructor: ForApiGateway });
  const { vectors } = await client.queryVectors(query);
  assert.deepEqual(vectors.map(({ key }) => key), ["0000", "0001", "0002"]);
  assert.match(sent[0], /\/us-east-1\/execute-api\/aws4_request/);
  await assert.rejects(client.listVectors(films), (error) => error.$metadata.httpStatusCode === 403);
});

test("without the option, the client signs for S3 Vectors", async () => {
  const { client, sent } = recorded({});
  await client.queryVectors(query);
  assert.match(sent[0], /\/us-east-1\/s3vectors\/aws4_request/);
});

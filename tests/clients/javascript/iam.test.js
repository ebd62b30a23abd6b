// The AWS SDK for JavaScript on an API with IAM, as a user who may query and nothing else. Run by test_iam.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import { S3Vectors } from "@aws-sdk/client-s3vectors";

// What its own provider returns, but for the name of the service.
const httpAuthSchemeProvider = ({ region }) => [
  {
    schemeId: "aws.auth#sigv4",
    signingProperties: { name: "execute-api", region },
    propertiesExtractor: (config, context) => ({ signingProperties: { config, context } }),
  },
];
const films = { vectorBucketName: "guarded", indexName: "films" };
const query = { ...films, topK: 3, queryVector: { float32: [-1, 0, 0, 0] } };
const refused = (error) => error.$metadata.httpStatusCode === 403;

test("a user may do what the policy allows", async () => {
  const client = new S3Vectors({ httpAuthSchemeProvider });
  const { vectors } = await client.queryVectors(query);
  assert.deepEqual(vectors.map(({ key }) => key), ["0000", "0001", "0002"]);
  await assert.rejects(client.listVectors(films), refused);
});

test("a client with the signature of another service is refused", async () => {
  await assert.rejects(new S3Vectors({}).queryVectors(query), refused);
});

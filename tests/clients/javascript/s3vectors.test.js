// The AWS SDK for JavaScript on a stack that AWS_ENDPOINT_URL_S3VECTORS names. Run by test_javascript.py, which filled the
// index that FILLED names with 2,500 rows.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import {
  ConflictException,
  NotFoundException,
  S3Vectors,
  S3VectorsServiceException,
  ValidationException,
  paginateListIndexes,
  paginateListVectorBuckets,
  paginateListVectors,
  paginateQueryVectors,
} from "@aws-sdk/client-s3vectors";

const client = new S3Vectors({});
const vectorBucketName = `bucket-${randomUUID()}`;
const [filledBucket, filledIndex] = process.env.FILLED.split("/");
const filled = { vectorBucketName: filledBucket, indexName: filledIndex };
const keys = Array.from({ length: 2500 }, (_, number) => String(number).padStart(4, "0"));
const origin = { float32: [-1, 0, 0, 0] };

const index = (indexName) => ({ vectorBucketName, indexName });
const create = (indexName, dimension = 2) =>
  client.createIndex({ ...index(indexName), dataType: "float32", dimension, distanceMetric: "cosine" });

async function collect(pages, name) {
  const found = [];
  for await (const page of pages) found.push(page[name]);
  return found;
}

before(() => client.createVectorBucket({ vectorBucketName }));

after(async () => {
  const { indexes } = await client.listIndexes({ vectorBucketName });
  for (const { indexName } of indexes) await client.deleteIndex(index(indexName));
  await client.deleteVectorBucket({ vectorBucketName });
});

test("vectors are put, fetched, found, listed and deleted", async () => {
  const { indexArn } = await create("films");
  const vectors = [
    { key: "alien", data: { float32: [1, 0] }, metadata: { year: 1979, genre: ["horror", "space"] } },
    { key: "heat", data: { float32: [0, 1] }, metadata: { year: 1995 } },
    { key: "bare", data: { float32: [1, 1] } },
  ];
  await client.putVectors({ indexArn, vectors });
  const got = await client.getVectors({ indexArn, keys: ["alien", "gone"], returnData: true, returnMetadata: true });
  assert.deepEqual(got.vectors, [vectors[0]]);
  const query = { indexArn, topK: 10, queryVector: { float32: [1, 0.1] }, returnDistance: true };
  const found = await client.queryVectors({ ...query, filter: { year: { $lt: 1990 } }, returnMetadata: true });
  assert.equal(found.distanceMetric, "cosine");
  assert.deepEqual(found.vectors.map(({ key }) => key), ["alien"]);
  assert.ok(Math.abs(found.vectors[0].distance - (1 - 1 / Math.hypot(1, 0.1))) < 1e-6);
  await client.deleteVectors({ indexArn, keys: ["heat", "gone"] });
  const left = await client.listVectors({ indexArn });
  assert.deepEqual(left.vectors.map(({ key }) => key).sort(), ["alien", "bare"]);
});

test("an index is described with a time, its tags and its settings", async () => {
  const started = Date.now();
  const { indexArn } = await client.createIndex({
    ...index("described"),
    dataType: "float32",
    dimension: 3,
    distanceMetric: "euclidean",
    metadataConfiguration: { nonFilterableMetadataKeys: ["plot"] },
    tags: { team: "a" },
  });
  const { index: described } = await client.getIndex({ indexArn });
  assert.deepEqual(described.metadataConfiguration.nonFilterableMetadataKeys, ["plot"]);
  assert.ok(described.creationTime instanceof Date);
  assert.ok(Math.abs(described.creationTime - started) < 60_000);
  await client.tagResource({ resourceArn: indexArn, tags: { "cost centre": "7/ä" } });
  await client.untagResource({ resourceArn: indexArn, tagKeys: ["team", "no such tag"] });
  const { tags } = await client.listTagsForResource({ resourceArn: indexArn });
  assert.deepEqual(tags, { "cost centre": "7/ä" });
});

test("the paginator of ListVectors returns each of 2,500 vectors once", async () => {
  const pages = paginateListVectors({ client, pageSize: 300 }, { ...filled, returnMetadata: true });
  const found = await collect(pages, "vectors");
  assert.ok(found.length >= 9);
  assert.deepEqual(found.flat().map(({ key }) => key).sort(), keys);
});

test("two segments list 2,500 vectors at the same time", async () => {
  const segments = [0, 1].map((segmentIndex) =>
    collect(paginateListVectors({ client }, { ...filled, segmentCount: 2, segmentIndex }), "vectors"),
  );
  const found = (await Promise.all(segments)).flat(2);
  assert.deepEqual(found.map(({ key }) => key).sort(), keys);
});

test("the paginator of QueryVectors returns 2,500 vectors in the order of their distance", async () => {
  const query = { ...filled, topK: 2500, queryVector: origin, returnMetadata: true, returnDistance: true };
  const found = await collect(paginateQueryVectors({ client }, query), "vectors");
  assert.ok(found.length > 1, "7.5 MB of metadata do not fit into one answer");
  assert.deepEqual(found.flat().map(({ key }) => key), keys);
});

test("the paginators of buckets and indexes list names in order", async () => {
  for (const name of ["page-c", "page-a", "page-b"]) await create(name);
  const indexes = await collect(paginateListIndexes({ client, pageSize: 2 }, { vectorBucketName, prefix: "page-" }), "indexes");
  assert.deepEqual(indexes.flat().map(({ indexName }) => indexName), ["page-a", "page-b", "page-c"]);
  const buckets = await collect(paginateListVectorBuckets({ client, pageSize: 1 }, { prefix: "bucket-" }), "vectorBuckets");
  const names = buckets.flat().map((bucket) => bucket.vectorBucketName);
  assert.ok(names.includes(vectorBucketName) && names.includes(filledBucket));
  assert.deepEqual(names, names.toSorted());
});

test("errors arrive as the exceptions of the SDK", async () => {
  await create("taken");
  await assert.rejects(create("taken"), ConflictException);
  await assert.rejects(client.getIndex(index("missing")), NotFoundException);
  await assert.rejects(client.getVectorBucket({ vectorBucketName: "missing-bucket" }), NotFoundException);
  const vectors = [{ key: "a", data: { float32: [1, 2, 3] } }];
  await assert.rejects(client.putVectors({ ...index("taken"), vectors }), (error) => {
    assert.ok(error instanceof ValidationException && error instanceof S3VectorsServiceException);
    assert.equal(error.$metadata.httpStatusCode, 400);
    return true;
  });
  const infinite = [{ key: "a", data: { float32: [NaN, Infinity] } }];
  await assert.rejects(client.putVectors({ ...index("taken"), vectors: infinite }), ValidationException);
});

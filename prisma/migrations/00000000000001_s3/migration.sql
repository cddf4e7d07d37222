-- Metadata of the embedded S3 endpoint. Only packages/s3-endpoint reads and writes these tables, with plain SQL,
-- so they have no Prisma models. The bytes lie in files named by the ids in `files`; a file without a row here is
-- an orphan that the endpoint's garbage collection removes.
-- Names compare as bytes (COLLATE "C"): that is the order in which S3 lists keys.

CREATE TABLE "s3_bucket" (
    "name" TEXT COLLATE "C" NOT NULL,
    "tags" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "s3_bucket_pkey" PRIMARY KEY ("name")
);

CREATE TABLE "s3_object" (
    "bucket" TEXT COLLATE "C" NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    -- The object's bytes are these files one after another, sizes[i] bytes each.
    "files" UUID[] NOT NULL,
    "sizes" BIGINT[] NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "etag" TEXT NOT NULL,
    -- Response headers: content-type and its like, and x-amz-meta-*.
    "headers" JSONB NOT NULL,
    -- {algorithm, type, value}.
    "checksum" JSONB NOT NULL,
    "tags" JSONB NOT NULL,
    -- The multipart upload that made it, so that completing it again finds that it is done.
    "upload_id" UUID,
    "modified_at" TIMESTAMPTZ(3) NOT NULL,
    -- Files of the version that the last write replaced: one statement both replaces them and says which they were.
    "replaced" UUID[],

    CONSTRAINT "s3_object_pkey" PRIMARY KEY ("bucket", "key"),
    CONSTRAINT "s3_object_bucket_fkey" FOREIGN KEY ("bucket") REFERENCES "s3_bucket" ("name") ON DELETE RESTRICT
);

CREATE TABLE "s3_upload" (
    "id" UUID NOT NULL,
    "bucket" TEXT COLLATE "C" NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    -- Uploads of one key are listed in the order in which they began.
    "number" BIGINT GENERATED ALWAYS AS IDENTITY,
    "headers" JSONB NOT NULL,
    -- {algorithm, type} that the upload was created with, or null.
    "checksum" JSONB,
    "tags" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "s3_upload_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "s3_upload_bucket_fkey" FOREIGN KEY ("bucket") REFERENCES "s3_bucket" ("name") ON DELETE CASCADE
);

CREATE INDEX "s3_upload_bucket_key_number_idx" ON "s3_upload" ("bucket", "key", "number");

CREATE TABLE "s3_part" (
    "upload_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "file" UUID NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "etag" TEXT NOT NULL,
    "checksum" JSONB NOT NULL,
    "modified_at" TIMESTAMPTZ(3) NOT NULL,
    "replaced" UUID,

    CONSTRAINT "s3_part_pkey" PRIMARY KEY ("upload_id", "number"),
    CONSTRAINT "s3_part_upload_id_fkey" FOREIGN KEY ("upload_id") REFERENCES "s3_upload" ("id") ON DELETE CASCADE
);

CREATE TABLE "accounts" ("id" bigserial primary key, "name" character varying NOT NULL, "plan" character varying, "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL);
CREATE TABLE "tickets" ("id" bigserial primary key, "account_id" bigint NOT NULL, "subject" character varying, "body" text, "priority" integer DEFAULT 0, "closed" boolean, "created_at" timestamp(6) NOT NULL, "updated_at" timestamp(6) NOT NULL);
CREATE INDEX "index_tickets_on_account_id" ON "tickets" ("account_id");
ALTER TABLE "tickets" ADD CONSTRAINT "fk_rails_9c1f" FOREIGN KEY ("account_id") REFERENCES "accounts" ("id");
CREATE TABLE "comments" ("id" bigserial primary key, "ticket_id" bigint NOT NULL, "text" text, "created_at" timestamp(6) NOT NULL);
CREATE INDEX "index_comments_on_ticket_id" ON "comments" ("ticket_id");

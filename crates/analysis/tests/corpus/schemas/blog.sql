create table users (
    id integer primary key,
    email text not null unique,
    name text
);
create table posts (
    id integer primary key,
    author_id integer not null references users (id) on delete cascade,
    title text not null,
    body text,
    published_at text
);
create index posts_author on posts (author_id);
create trigger posts_no_blank before insert on posts when new.title = '' begin select raise(abort, 'blank'); end;
create table tags (
    id integer primary key autoincrement,
    label text not null
);
create table post_tags (
    post_id integer not null references posts (id) on delete cascade,
    tag_id integer not null references tags (id),
    primary key (post_id, tag_id)
);

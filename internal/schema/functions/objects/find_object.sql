-- howdah.find_object: a version of an object, or the latest where version_id is null; an error where there is none or it is a
-- deletion. Index: object_latest, or the primary key.
create or replace function howdah.find_object(b howdah.bucket, key text, version_id text) returns howdah.object
language plpgsql stable as $$
#variable_conflict use_variable
declare
    o howdah.object;
begin
    if version_id is null then
        select * into o from howdah.object x where x.bucket = b.number and x.key = find_object.key and x.latest;
    elsif version_id = 'null' then
        select * into o from howdah.object x where x.bucket = b.number and x.key = find_object.key and x.unversioned;
    else
        select * into o from howdah.object x where x.bucket = b.number and x.key = find_object.key and x.version = howdah.version_number(version_id)
            and not x.unversioned;
    end if;
    if o.key is null and version_id is not null then
        raise exception 'object % in bucket % has no version %', quote_literal(key), b.name, version_id
            using errcode = 'HW108', hint = 'List its versions to see those there are.';
    elsif o.key is null or o.marker then
        raise exception 'there is no object % in bucket %', quote_literal(key), b.name
            using errcode = case when o.marker and version_id is not null then 'HW109' else 'HW102' end,
                  detail = case when o.marker then format('version %s is a deletion', howdah.version_name(o.version, o.unversioned)) else '' end,
                  hint = 'List the bucket to see what there is.';
    end if;
    return o;
end $$;
revoke execute on function howdah.find_object(howdah.bucket, text, text) from public;

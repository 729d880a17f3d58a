-- howdah.end_upload: removes an upload and its parts and lets go of their bytes.
create or replace function howdah.end_upload(upload text) returns void
language plpgsql as $$
#variable_conflict use_variable
begin
    perform from howdah.upload u where u.upload = end_upload.upload for update;
    perform howdah.drop_pieces(array(select p.piece from howdah.part p where p.upload = end_upload.upload), false);
    delete from howdah.part p where p.upload = end_upload.upload;
    delete from howdah.upload u where u.upload = end_upload.upload;
end $$;
revoke execute on function howdah.end_upload(text) from public;

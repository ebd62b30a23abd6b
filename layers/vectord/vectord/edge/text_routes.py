"""PATCH /indexes/{name}: declare the text fields and sparse vectors of an index that exists."""

import msgspec

from vectord.edge.request import Request
from vectord.edge.route import Reply
from vectord.edge.schemas import index_answers
from vectord.edge.schemas.bodies import ChangeIndexBody, decode
from vectord.edge.schemas.fields import texts_of
from vectord.errors import RequestInvalid
from vectord.readers.repeated import repeated_anywhere
from vectord.service.service import Service
from vectord.service.text_declaration import declare_text
from vectord.service.values.options import WriteOptions
from vectord.service.values.text_fields import DeclareText


def change_index(request: Request, service: Service) -> Reply:
    """Replace the declared text fields, or sparse vectors, of an index; null declares none."""
    body = decode(request.body, ChangeIndexBody)
    if repeated := repeated_anywhere(request.body.decode(), msgspec.json.decode(request.body)):
        raise RequestInvalid(f"The body has the field {repeated!r} more than once. Send it once.")
    if body.text is msgspec.UNSET and body.sparse is msgspec.UNSET:
        raise RequestInvalid("The body must have 'text', 'sparse' or both.")
    if body.text is not msgspec.UNSET and body.text is not None and not body.text:
        raise RequestInvalid("text must have 1 to 16 fields, not 0; null declares none.")
    if body.sparse is not msgspec.UNSET and body.sparse is not None and not body.sparse:
        raise RequestInvalid("sparse must have 1 to 4 names, not 0; null declares none.")
    declared = DeclareText(
        None if body.text is msgspec.UNSET else texts_of(body.text or {}),
        None if body.sparse is msgspec.UNSET else tuple(body.sparse or ()),
    )
    write = WriteOptions(request.preconditions)
    found = declare_text(service, request.path["name"], declared, request.deadline, write)
    answer = index_answers.Made(index_answers.params_of(found), found.count)
    return Reply(answer, headers={"ETag": found.etag}, audit={"rows": 0})

package api

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/google/uuid"

	"github.com/esm-run/esm/config"
)

const policyPath = "/2015-03-31/functions/*/policy"

var policyRoutes = []route{
	{operation: "AddPermission", method: http.MethodPost, path: policyPath, perform: (*Server).addPermission},
	{operation: "GetPolicy", method: http.MethodGet, path: policyPath, perform: (*Server).getPolicy},
	{operation: "RemovePermission", method: http.MethodDelete, path: policyPath + "/*", perform: (*Server).removePermission},
}

// Policy is the resource-based policy of a function: the statements that AddPermission has made. It is recorded and shown, and
// not enforced.
type Policy struct {
	Statements []Statement
}

// Statement is one statement of a policy, with the members in Lambda's order (AWS: "Viewing resource-based IAM policies in
// Lambda").
type Statement struct {
	Sid       string
	Effect    string
	Principal any // "*", or a map with AWS or Service
	Action    string
	Resource  string
	Condition *condition `json:",omitempty"`
}

// condition holds the conditions of a statement, by operator and key.
type condition struct {
	StringEquals *stringConditions `json:",omitempty"`
	Bool         *boolConditions   `json:",omitempty"`
	ArnLike      *arnConditions    `json:",omitempty"`
}

type stringConditions struct {
	SourceAccount    string `json:"AWS:SourceAccount,omitempty"`
	URLAuthType      string `json:"lambda:FunctionUrlAuthType,omitempty"`
	PrincipalOrgID   string `json:"aws:PrincipalOrgID,omitempty"`
	EventSourceToken string `json:"lambda:EventSourceToken,omitempty"`
}

type boolConditions struct {
	ViaURL string `json:"lambda:InvokedViaFunctionUrl"`
}

type arnConditions struct {
	SourceArn string `json:"AWS:SourceArn"`
}

// maxPolicy is the most bytes of a policy (AWS: "Lambda quotas").
const maxPolicy = 20_480

// text returns the policy as Lambda's answers show it.
func (p Policy) text() ([]byte, error) {
	return encode(struct {
		Version   string
		Id        string
		Statement []Statement
	}{"2012-10-17", "default", p.Statements})
}

// revision returns an ID that changes with the policy.
func (p Policy) revision() string {
	text, _ := p.text() // a policy is plain data
	return uuid.NewSHA1(uuid.NameSpaceOID, text).String()
}

// index returns the place of a statement, or -1.
func (p Policy) index(sid string) int {
	return slices.IndexFunc(p.Statements, func(s Statement) bool { return s.Sid == sid })
}

// permissionRequest is the body of AddPermission.
type permissionRequest struct {
	sid, action, principal, sourceArn, sourceAccount, token, urlAuth, org, revision string
	viaURL                                                                          *bool
}

var (
	sidForm       = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
	actionForm    = regexp.MustCompile(`^(lambda:[*]|lambda:[a-zA-Z]+|[*])$`)
	principalForm = regexp.MustCompile(`^\S+$`)
	accountForm   = regexp.MustCompile(`^\d{12}$`)
	tokenForm     = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	orgForm       = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	sourceForm    = regexp.MustCompile(`^(?:` + arnPattern + `)$`)
	serviceForm   = regexp.MustCompile(`^[a-z0-9.-]+\.amazon(aws)?\.com(\.cn)?$`)
)

// permissionRequest decodes and checks the body of c, as far as Lambda's front end does.
func (s *Server) permissionRequest(c *call) (r permissionRequest, err error) {
	doc := parse(c.body)
	doc.text("StatementId", &r.sid)
	doc.text("Action", &r.action)
	doc.text("Principal", &r.principal)
	doc.text("SourceArn", &r.sourceArn)
	doc.text("SourceAccount", &r.sourceAccount)
	doc.text("EventSourceToken", &r.token)
	doc.text("FunctionUrlAuthType", &r.urlAuth)
	doc.text("PrincipalOrgID", &r.org)
	doc.text("RevisionId", &r.revision)
	doc.boolean("InvokedViaFunctionUrl", &r.viaURL)
	if err := s.finish(c, doc); err != nil {
		return r, err
	}
	var broken violations
	for _, m := range []struct {
		value, member string
		required      bool
		longest       int
		form          *regexp.Regexp
		pattern       string
	}{
		{r.sid, "statementId", true, 100, sidForm, `([a-zA-Z0-9-_]+)`},
		{r.action, "action", true, 256, actionForm, `(lambda:[*]|lambda:[a-zA-Z]+|[*])`},
		{r.principal, "principal", true, 256, principalForm, `[^\s]+`},
		{r.sourceArn, "sourceArn", false, 2048, sourceForm, arnPattern},
		{r.sourceAccount, "sourceAccount", false, 12, accountForm, `\d{12}`},
		{r.token, "eventSourceToken", false, 256, tokenForm, `[a-zA-Z0-9._\-]+`},
		{r.org, "principalOrgID", false, 34, orgForm, `^o-[a-z0-9]{10,32}$`},
	} {
		switch {
		case m.value != "":
			broken.matches(m.value, m.member, m.longest, m.form, m.pattern)
		case m.required:
			broken.null(m.member)
		}
	}
	if r.urlAuth != "" {
		broken.oneOf(r.urlAuth, "functionUrlAuthType", urlAuthTypes...)
	}
	return r, broken.err()
}

// statement returns the statement that the request asks for.
func (r permissionRequest) statement(resource, region string) (Statement, error) {
	s := Statement{Sid: r.sid, Effect: "Allow", Action: r.action, Resource: resource}
	switch {
	case r.principal == "*":
		s.Principal = "*"
	case serviceForm.MatchString(r.principal):
		s.Principal = map[string]string{"Service": r.principal}
	case accountForm.MatchString(r.principal):
		s.Principal = map[string]string{"AWS": "arn:" + config.PartitionOf(region) + ":iam::" + r.principal + ":root"}
	case isPrincipalARN(r.principal):
		s.Principal = map[string]string{"AWS": r.principal}
	default:
		return s, invalidParameter("The provided principal was invalid. Please check the principal and try again.")
	}
	var when condition
	if equals := (stringConditions{r.sourceAccount, r.urlAuth, r.org, r.token}); equals != (stringConditions{}) {
		when.StringEquals = &equals
	}
	if r.viaURL != nil && *r.viaURL {
		when.Bool = &boolConditions{"true"}
	}
	if r.sourceArn != "" {
		when.ArnLike = &arnConditions{r.sourceArn}
	}
	if when != (condition{}) {
		s.Condition = &when
	}
	return s, nil
}

func isPrincipalARN(text string) bool {
	a, err := config.ParseARN(text)
	return err == nil && (a.Service == "iam" || a.Service == "sts")
}

// policyRef returns the function that the path of c names, which policies refer to without $LATEST.
func (s *Server) policyRef(c *call) (functionRef, error) {
	ref, err := s.functionRef(c)
	if err == nil && ref.Qualifier == latestVersion {
		err = invalidParameter("We currently do not support adding policies for $LATEST.")
	}
	return ref, err
}

// resource returns the function's ARN in a policy.
func (r functionRef) resource() string {
	if r.Qualifier == "" {
		return r.arn
	}
	return r.qualified()
}

func (s *Server) addPermission(c *call) (answer, error) {
	req, err := s.permissionRequest(c)
	if err != nil {
		return answer{}, err
	}
	ref, err := s.policyRef(c)
	if err != nil {
		return answer{}, err
	}
	added, err := req.statement(ref.resource(), s.Region)
	if err != nil {
		return answer{}, err
	}
	if _, ok := s.lookUp(ref); !ok {
		return answer{}, policyTargetNotFound(ref, functionNotFound(ref.arn))
	}
	_, err = change(c, s.Policies, ref.Qualified(), func(now *Policy) (*Policy, error) {
		if err := checkRevision(now, req.revision); err != nil {
			return nil, err
		}
		next := Policy{}
		if now != nil {
			next.Statements = slices.Clone(now.Statements)
		}
		if next.index(req.sid) >= 0 {
			return nil, throw("ResourceConflictException", "The statement id (%s) provided already exists. "+
				"Please provide a new statement id, or remove the existing statement.", req.sid)
		}
		next.Statements = append(next.Statements, added)
		if text, err := next.text(); err != nil || len(text) > maxPolicy {
			return nil, throw("PolicyLengthExceededException", "The final policy size (%d) is bigger than the limit (%d).", len(text), maxPolicy)
		}
		return &next, nil
	})
	if err != nil {
		return answer{}, err
	}
	text, err := encode(added)
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusCreated, struct{ Statement string }{string(text)})
}

// policyTargetNotFound returns the exception for a version or alias that does not exist, or that for the function.
func policyTargetNotFound(ref functionRef, function error) error {
	if ref.Qualifier != "" {
		return versionNotFound(ref)
	}
	return function
}

// checkRevision refuses a change whose caller knows another revision of the policy. An empty one is not checked.
func checkRevision(now *Policy, known string) error {
	const mismatch = "The Revision Id provided does not match the latest Revision Id. Call the %s API to retrieve the latest Revision Id"
	switch {
	case known == "":
		return nil
	case now == nil:
		return throw("PreconditionFailedException", mismatch, "GetFunction/GetAlias")
	case now.revision() != known:
		return throw("PreconditionFailedException", mismatch, "GetPolicy")
	}
	return nil
}

func (s *Server) removePermission(c *call) (answer, error) {
	ref, err := s.policyRef(c)
	if err != nil {
		return answer{}, err
	}
	if _, ok := s.lookUp(ref); !ok {
		return answer{}, policyTargetNotFound(ref, throw("ResourceNotFoundException", "No policy found for: %s", ref.arn))
	}
	sid := c.names[1]
	_, err = change(c, s.Policies, ref.Qualified(), func(now *Policy) (*Policy, error) {
		if now == nil {
			return nil, throw("ResourceNotFoundException", "No policy is associated with the given resource.")
		}
		i := now.index(sid)
		if i < 0 {
			return nil, throw("ResourceNotFoundException", "Statement %s is not found in resource policy.", sid)
		}
		if err := checkRevision(now, c.URL.Query().Get("RevisionId")); err != nil || len(now.Statements) == 1 {
			return nil, err
		}
		return &Policy{slices.Delete(slices.Clone(now.Statements), i, i+1)}, nil
	})
	return answer{status: http.StatusNoContent}, err
}

func (s *Server) getPolicy(c *call) (answer, error) {
	ref, err := s.functionRef(c)
	if err != nil {
		return answer{}, err
	}
	set, ok := s.Policies.Get(ref.Qualified())
	if _, exists := s.lookUp(ref); !ok || !exists {
		return answer{}, throw("ResourceNotFoundException", "The resource you requested does not exist.")
	}
	text, err := set.Value.text()
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, struct{ Policy, RevisionId string }{string(text), set.Value.revision()})
}

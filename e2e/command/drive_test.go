package command_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/esm-run/esm/e2e/rig"
)

// request sends an HTTP request as curl does, and returns the status and the body of the answer.
func request(t *testing.T, method, host, url string, body []byte) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(content)
}

// standIn is the line that says where the stand-in for AWS answers.
var standIn = regexp.MustCompile(`the stand-in for AWS answers on (http://\S+)`)

// putPictures puts a picture, and a file that is none, into the bucket of the example thumbnail, and looks at the picture's
// thumbnail.
func putPictures(t *testing.T, engine *rig.Engine) {
	said := standIn.FindStringSubmatch(engine.Log())
	if said == nil {
		t.Fatal("esm does not say where the stand-in answers")
	}
	root, err := rig.Root()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(filepath.Join(root, "examples", "thumbnail", "picture.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	for key, content := range map[string][]byte{"my%20picture.jpg": picture, "no-picture.txt": []byte("hello")} {
		if status, answer := request(t, http.MethodPut, "", said[1]+"/photos/"+key, content); status != http.StatusOK {
			t.Fatalf("putting %s: %d %s", key, status, answer)
		}
	}
	var thumbnail string
	rig.Eventually(t, "the picture has a thumbnail", func() bool {
		status, answer := request(t, http.MethodGet, "", said[1]+"/thumbnails/my%20picture.jpg", nil)
		thumbnail = answer
		return status == http.StatusOK
	})
	small, err := jpeg.Decode(strings.NewReader(thumbnail))
	if err != nil {
		t.Fatal(err)
	}
	if size := small.Bounds().Size(); size != image.Pt(128, 96) {
		t.Errorf("a thumbnail of %v, want 128 x 96", size)
	}
	// The other file was tried once, and its record is in the queue of failures.
	queues := sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: &said[1], Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	rig.Eventually(t, "the queue has a record", func() bool {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(said[1] + "/000000000000/no-pictures")})
		if err != nil {
			t.Fatal(err)
		}
		return len(got.Messages) == 1 && strings.Contains(*got.Messages[0].Body, `"condition":"RetriesExhausted","approximateInvokeCount":1`) &&
			strings.Contains(*got.Messages[0].Body, `"key":"no-picture.txt"`)
	})
}

// editNotes writes, reads and deletes a note over the URL of the example crud.
func editNotes(t *testing.T, engine *rig.Engine) {
	for _, step := range []struct {
		method, path, body string
		status             int
		answer             string
	}{
		{http.MethodPut, "/notes/1", `{"text": "buy milk"}`, 201, `{"text":"buy milk","id":"1"}`},
		{http.MethodPut, "/notes/1", `{"text": "buy oat milk"}`, 200, `{"text":"buy oat milk","id":"1"}`},
		{http.MethodGet, "/notes/1", "", 200, `"text":"buy oat milk"`},
		{http.MethodGet, "/notes", "", 200, `"text":"buy oat milk"`},
		{http.MethodPut, "/notes/2", "no JSON", 400, "the body is not JSON"},
		{http.MethodDelete, "/notes/1", "", 204, ""},
		{http.MethodGet, "/notes/1", "", 404, "there is no note 1"},
		{http.MethodGet, "/notes", "", 200, "[]"},
		{http.MethodPost, "/notes/1", "{}", 405, "POST is not supported"},
		{http.MethodGet, "/", "", 404, "there is only /notes"},
	} {
		status, answer := request(t, step.method, "notes.lambda-url.localhost", engine.URL(step.path), []byte(step.body))
		if status != step.status || !strings.Contains(answer, step.answer) {
			t.Errorf("%s %s answers %d %s, want %d %s", step.method, step.path, status, answer, step.status, step.answer)
		}
	}
}

// orderDrinks invokes the first function of the example chain.
func orderDrinks(t *testing.T, engine *rig.Engine) {
	for _, drink := range []string{"latte", "tea"} {
		out, _, code := rig.Run(t, "invoke", "brew", "--event", "--payload", fmt.Sprintf(`{"drink": %q}`, drink), "--listen", engine.Listen)
		if id := strings.TrimSpace(out); code != 0 || !rig.UUID.MatchString(id) {
			t.Errorf("esm invoke --event prints %q with exit code %d, want a request id", out, code)
		}
	}
}

package credentialprovider

import "github.com/towpath-dev/towpath/internal/finding"

const (
	code     = "auth/credential-provider-failed"
	noStart  = "The kubelet reads it strictly when it starts, and exits if anything is wrong: the node becomes NotReady. `journalctl -u kubelet` tells the same."
	patterns = "An entry of matchImages is host[:port][/path] without a scheme. In the host a `*` stands for one label, or a part of one; the port has to be the same or missing on both sides; the path is how the image's begins. Images of Docker Hub are docker.io/…."
)

// Kinds of what keeps the kubelet from starting.
var (
	invalid = finding.Kind{
		Code: code, ID: "CD018", Severity: finding.Error, Stops: true,
		Title: "The kubelet does not start with this CredentialProviderConfig",
		Doc:   "The file names the programs that the kubelet runs for credentials. " + noStart,
		Text:  "the kubelet does not start: {why}",
		Fix:   "correct the line",
		Variants: map[string]finding.Variant{
			"kind":       {Text: "the kubelet does not start: its kind is {kind}, not CredentialProviderConfig", Fix: "write kind: CredentialProviderConfig"},
			"version":    {Text: "the kubelet does not start: the apiVersion {version} of the file is not known", Fix: "write apiVersion: {want}"},
			"twice":      {Text: "the kubelet does not start: the key {key} stands twice in one object", Fix: "remove one of them"},
			"type":       {Text: "the kubelet does not start: {field} has to be {want}", Fix: "write {want}"},
			"field":      {Text: "the kubelet does not start: the field {field} is not known", Fix: "remove it"},
			"near":       {Text: "the kubelet does not start: the field {field} is not known, {want} is", Fix: "write {want}"},
			"none":       {Text: "the kubelet does not start: no provider is named", Fix: "name one, or start the kubelet without --image-credential-provider-config"},
			"again":      {Text: "the kubelet does not start: the provider {name} is named twice", Fix: "put the matchImages of both into one"},
			"value":      {Text: "the kubelet does not start: {field} of the provider {name} is refused: {why}", Fix: "correct {field}"},
			"pattern":    {Text: "the kubelet does not start: {pattern} in matchImages cannot be parsed", Fix: "write host[:port][/path]"},
			"protocol":   {Text: "the kubelet does not start: it does not speak {version} with the provider {name}", Fix: "write apiVersion: {want}"},
			"noProtocol": {Text: "the kubelet does not start: the provider {name} has no apiVersion", Fix: "write apiVersion: {want}"},
			"tooNew":     {Text: "the kubelet does not start: {field} is known since {since}, and it is {version}", Fix: "leave it out"},
			"missing":    {Text: "the kubelet does not start: there is no {file}, which --image-credential-provider-config leads to", Fix: "write the file, or leave out the flag"},
			"directory":  {Text: "the kubelet {version} does not start: a directory of files is read since 1.34", Fix: "write one file"},
		},
	}
	noProgram = finding.Kind{
		Code: code, ID: "CD018", Severity: finding.Error, Stops: true,
		Title: "The program of a credential provider cannot be run",
		Doc:   "The program has the provider's name and lies in the directory of --image-credential-provider-bin-dir. " + noStart,
		Text:  "the kubelet does not start: there is no program {name} in {dir}",
		Fix:   "install the program, or remove the provider",
		Variants: map[string]finding.Variant{
			"dir":       {Text: "the kubelet does not start: there is no directory {dir} with the program {name}", Fix: "make the directory and install the program"},
			"directory": {Text: "the kubelet does not start: {name} in {dir} is no file", Fix: "install the program"},
			"mode":      {Text: "the kubelet does not start: the program {name} in {dir} may not be executed, its mode is {mode}", Fix: "chmod 755 the program"},
		},
	}
	noImage = finding.Kind{
		Code: code, ID: "CD022", Severity: finding.Warning, Ignores: true,
		Title: "An entry of matchImages matches no image",
		Doc:   patterns,
		Text:  "{pattern} matches no image: the program {name} is never run for it",
		Fix:   "write {want}",
		Variants: map[string]finding.Variant{
			"odd": {Text: "{pattern} matches no image: the program {name} is never run for it", Fix: "write host[:port][/path]"},
		},
	}
	tooLarge = finding.Kind{
		Code: code, ID: "CD023", Severity: finding.Warning,
		Title: "A file is too large to be judged",
		Doc:   "What stands in it is not known here; the kubelet may accept it.",
		Text:  "the file is not judged: {why}",
	}
	program = finding.Kind{
		Code: "convert/loss", ID: "convert/credential-provider", Severity: finding.Error,
		Title: "Credentials that a program fetches cannot be written down",
		Doc:   "The kubelet asks the program when an image is pulled, and its answer counts for hours. No other format has that.",
		Text:  "the program {name}, which fetches credentials for {images}, is left out",
	}
)

// Kinds are all findings of the dialect.
var Kinds = []finding.Kind{invalid, noProgram, noImage, tooLarge, program}

// Package code makes directories of the forms in which functions are deployed: zip archives and layers.
//
// An archive is input from elsewhere. It is checked before anything is written, and written through an [os.Root]: nothing is
// written or read outside its directory, whatever its names and links are. What Lambda refuses is refused here too: more
// than 250 MB unzipped with all layers together (AWS: "Lambda quotas"), and entries that are neither files, directories nor
// symbolic links.
//
// Modes are kept, as Lambda does, except that nobody may write: on Lambda the file system is read-only. Files that others
// than their owner cannot read are reported, since Lambda runs handlers as another user.
package code
